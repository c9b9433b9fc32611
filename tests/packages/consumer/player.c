#include <stdio.h>
#include <tinymlp.h>

int main(void) {
  const tinymlp_vmaf_features frame = {0.956559F, 0.402946F, 0.8345F, 0.915718F, 0.95124F, 0.0F};
  printf("%.9g\n", (double)tinymlp_vmaf_score(tinymlp_shipped("mlp_small"), &frame));
  return 0;
}
