/* Scores one frame with a shipped network, and a row with the network of an ONNX file.
 *
 *     cc -std=c11 score.c -ltinymlp -o score
 *     ./score [MODEL.onnx VALUE...] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinymlp.h>

/* The bytes of a file, from malloc(); NULL where it cannot be read. */
static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  char* bytes = NULL;
  size_t room = 0;
  *size = 0;
  if (file == NULL) return NULL;
  while (!feof(file) && !ferror(file)) {
    if (*size == room) {
      char* more = realloc(bytes, room = 2 * room + 4096);
      if (more == NULL) break;
      bytes = more;
    }
    *size += fread(bytes + *size, 1, room - *size, file);
  }
  if (ferror(file) || !feof(file)) {
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  return bytes;
}

static int refuse(const char* path, const tinymlp_error* error) {
  const char* advice = tinymlp_status_advice(error->status);
  fprintf(stderr, "%s: byte %llu, %s: %s%s%s\n", path, (unsigned long long)error->offset,
          error->where, tinymlp_status_message(error->status), *advice != '\0' ? "; " : "", advice);
  return 1;
}

static int run_file(const char* path, int count, char** values) {
  tinymlp_model model = {0};
  tinymlp_error error;
  void* bytes = read_file(path, &model.size);
  tinymlp_network* network;
  float *row, *out;
  int status = 1;
  if (bytes == NULL) {
    fprintf(stderr, "%s: cannot be read\n", path);
    return 1;
  }
  model.data = bytes;
  network = tinymlp_create(&model, &error);
  free(bytes); /* no longer needed */
  if (network == NULL) return refuse(path, &error);

  row = malloc(tinymlp_inputs(network) * sizeof *row);
  out = malloc(tinymlp_outputs(network) * sizeof *out);
  if ((size_t)count != tinymlp_inputs(network)) {
    fprintf(stderr, "%s takes %zu values, not %d\n", path, tinymlp_inputs(network), count);
  } else if (row != NULL && out != NULL) {
    for (int i = 0; i < count; ++i) row[i] = strtof(values[i], NULL);
    tinymlp_run(network, row, 1, out);
    for (size_t i = 0; i < tinymlp_outputs(network); ++i) printf("%.9g\n", (double)out[i]);
    status = 0;
  }
  free(out);
  free(row);
  tinymlp_destroy(network);
  return status;
}

int main(int argc, char** argv) {
  const tinymlp_network* small = tinymlp_shipped("mlp_small"); /* a constant: nothing to destroy */
  tinymlp_vmaf_features frame = TINYMLP_VMAF_UNSET;
  if (argc > 1) return run_file(argv[1], argc - 2, argv + 2);
  frame.adm2 = 0.956559F;
  frame.vif_scale0 = 0.402946F;
  frame.vif_scale1 = 0.8345F;
  frame.vif_scale2 = 0.915718F;
  frame.vif_scale3 = 0.95124F;
  frame.motion2 = 0.0F;
  printf("%.9g\n", (double)tinymlp_vmaf_clip(tinymlp_vmaf_score(small, &frame)));
  return 0;
}
