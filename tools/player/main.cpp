// The program `tinymlp-player`: plays a distorted file against its reference, and scores each frame
// in the loop.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "commands/entry.hpp"
#include "commands/shell.hpp"
#include "display.hpp"
#include "ffmpeg.hpp"
#include "json_lines.hpp"
#include "models/open_model.hpp"
#include "playback.hpp"
#include "system/atomic_file.hpp"
#include "system/failure.hpp"
#include "system/interrupts.hpp"
#include "system/terminal.hpp"

namespace tinymlp::player {

namespace {

using tools::atomic_file;

struct player_options {
  std::string reference, distorted;
  std::string model = "mlp_small";
  std::optional<std::string> isa;
  std::string json; // empty for none
  pairing_options pairing;
  bool compare = false;
};

// Frames to the terminal and to JSON lines.
class frame_outputs final : public frame_sink {
public:
  explicit frame_outputs(const player_options& options)
      : screen_("-"), display_(screen_, how(options)) {
    if (!options.json.empty()) json_.emplace(options.json);
    to_screen_ = options.json != "-";
  }

  void frame(const played_frame& frame) override {
    display_.frame(frame);
    if (json_) json_->write(json_line(frame_json(frame)));
    if (json_ && !to_screen_) json_->flush(); // for whoever reads along
  }
  void note(const std::string& text) override {
    display_.clear();
    tools::print_message("note", text);
  }
  void budget(double budget_ms) { display_.budget(budget_ms); }

  // What was played is kept, also where it ended early.
  void end(const playback& played, const player_options& options, const tools::model& network,
           const std::string& ended) {
    display_.clear();
    if (played.summary().frames == 0) return;
    if (to_screen_) display_.summary(summary_text(played, options.distorted, network));
    screen_.commit();
    if (!json_) return;
    json_->write(json_line(summary_json(played, options.distorted, network, ended)));
    json_->commit();
  }

private:
  static display::frames how(const player_options& options) {
    if (options.json == "-") return display::frames::none;
    if (::isatty(STDOUT_FILENO) == 1) return display::frames::one_line;
    return options.json.empty() ? display::frames::lines : display::frames::none;
  }

  atomic_file screen_;
  std::optional<atomic_file> json_;
  bool to_screen_ = true;
  display display_;
};

std::unique_ptr<tools::model> shipped_network(const player_options& options) {
  const tools::model_request request{.model = options.model, .isa = options.isa};
  std::unique_ptr<tools::model> network = tools::open_model(request);
  if (!network->description().compiled_in)
    throw tools::usage_error("--model: the player scores with the networks that are compiled in: " +
                             tools::compiled_in_names());
  return network;
}

void play(const player_options& options) {
  if (!options.json.empty())
    tools::refuse_overwriting("--json", options.json,
                              std::array{options.reference, options.distorted});
  const std::unique_ptr<tools::model> network = shipped_network(options);
  keep_ffmpeg_messages();
  frame_outputs out(options);
  playback loop(options.reference, options.distorted, *network, options.pairing, options.compare,
                out);
  if (loop.reference().rate() > 0) out.budget(1e3 / loop.reference().rate());
  const tools::interrupts signals;
  std::optional<tools::failure> why;
  try {
    loop.play();
  } catch (const tools::failure& damage) {
    why = damage;
  }
  const int signal_number = tools::interrupts::pending();
  out.end(loop, options, *network, why ? why->what() : signal_number != 0 ? "by a signal" : "");
  loop.report_warnings();
  if (why) throw *why;
  if (signal_number != 0) tools::end_by_signal(signal_number);
}

constexpr const char* footer =
    R"(Both files are decoded with FFmpeg's libraries, libvmaf extracts the six features of each pair of
pictures, and the network scores them; libvmaf's own predictor does not run unless --compare asks for
it. On a terminal one line shows the frame; elsewhere each frame has its line.

A frame that is damaged, or has no counterpart, ends the run with exit status 1: what was scored up to
there is shown, and written. So is what was scored when a signal (Ctrl-C) ends the run.

Examples:
  tinymlp-player reference.mkv encoded.mp4
  tinymlp-player --compare --model mlp_large reference.mkv encoded.mp4
  tinymlp-player --json scores.jsonl --scale reference.mkv small.mp4
  tinymlp-player --json - reference.mkv encoded.mp4 | jq .score
)";

void describe(CLI::App& app) {
  auto options = std::make_shared<player_options>();
  app.add_option("--model", options->model, "Network: " + tools::compiled_in_names())
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--isa", options->isa,
                 "Instruction set: " + tools::isa_names() +
                     "; the best that this machine has by default")
      ->type_name("NAME");
  app.add_option("--json", options->json,
                 "Write JSON lines, an object a frame and then the summary; - for standard output")
      ->type_name("FILE");
  app.add_flag("--compare", options->compare,
               "Let libvmaf's own model predict each frame, too: difference, and what each costs");
  app.add_flag("--scale", options->pairing.scale,
               "Scale the distorted pictures to the size of the reference (bicubic)");
  app.add_flag("--by-number", options->pairing.by_number,
               "Pair pictures by their numbers, whatever the rates and times of the files");
  app.add_flag("--shortest", options->pairing.shortest, "End where the shorter file ends");
  app.add_option("REFERENCE", options->reference, "Video file, the original")->required();
  app.add_option("DISTORTED", options->distorted, "Video file, what became of it")->required();
  tools::add_shell_options(app, "score each frame of a video against its original, as VMAF does");
  app.footer(footer);
  app.callback([options] { play(*options); });
}

} // namespace

} // namespace tinymlp::player

int main(int argc, char** argv) {
  CLI::App app("Plays a distorted video against its reference and scores each frame: VMAF in a "
               "player's loop.",
               "tinymlp-player");
  return tinymlp::tools::run_program(app, tinymlp::player::describe, argc, argv);
}
