// `tinymlp latency`: how long one frame takes, frame by frame.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "system/atomic_file.hpp"
#include "system/built_in.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "commands/usage.hpp"
#include "system/failure.hpp"
#include "system/json.hpp"
#include "pictures/latency_plot.hpp"
#include "logs/log_reader.hpp"
#include "models/open_model.hpp"
#include "scores/numpy_random.hpp"
#include "system/text.hpp"
#include "system/tick_clock.hpp"

namespace tinymlp::tools {

namespace {

struct latency_options {
  model_request request;
  std::uint64_t frames = 1'000'000;
  std::size_t frames_per_reading = 0; // 0: as many as the clock needs
  std::string format = "text";
  std::string output;
  std::string plot;
};

constexpr std::uint64_t most_frames = 100'000'000; // 400 MB of spans
constexpr std::size_t rows_in_turn = 64;           // they stay in the first-level cache

// Real rows, at equal distances over all sources of the built-in ones.
std::vector<float> real_rows() {
  class collector final : public row_sink {
  public:
    std::vector<float> rows;
    void begin(const log_description&) override {}
    void row(const log_row& row) override {
      rows.insert(rows.end(), row.features.begin(), row.features.end());
    }
    void note(const std::string&) override {}
  } all;
  byte_source text("model/quant_rows.csv (built in)", quant_rows_text());
  read_log(text, {}, all);
  const std::size_t count = all.rows.size() / feature_count;
  std::vector<float> rows;
  for (std::size_t i = 0; i < rows_in_turn; ++i) {
    const auto from =
        all.rows.begin() + static_cast<std::ptrdiff_t>(i * count / rows_in_turn * feature_count);
    rows.insert(rows.end(), from, from + feature_count);
  }
  return rows;
}

// For networks that take anything but the six features of a frame: numbers from 0 to 1.
std::vector<float> rows_for(const model_description& network) {
  if (network.inputs == feature_count && network.outputs == 1) return real_rows();
  return numpy_uniform_float32(0, rows_in_turn * network.inputs);
}

// Each frame's address is computed from the bits of the score before it, through a zero that the
// compiler cannot see: the frame cannot begin before that score is there.
template <class Ticks>
void sample(const model& network, std::span<const float> rows, std::size_t frames_per_reading,
            std::span<std::uint32_t> spans) {
  constexpr std::uint64_t longest = std::numeric_limits<std::uint32_t>::max();
  const volatile std::uint32_t hidden = 0;
  const std::uint32_t zero = hidden;
  const std::size_t inputs = network.description().inputs;
  float score = 0;
  std::size_t next = 0;
  for (std::uint32_t& span : spans) {
    const std::uint64_t from = Ticks::start();
    for (std::size_t frame = 0; frame < frames_per_reading; ++frame) {
      const std::size_t nothing = std::bit_cast<std::uint32_t>(score) & zero;
      score = network.score_row(rows.data() + next + nothing);
      next = next + inputs == rows.size() ? 0 : next + inputs;
    }
    span = static_cast<std::uint32_t>(std::min(Ticks::stop() - from, longest));
  }
}

class latency_meter {
public:
  explicit latency_meter(const model& network)
      : network_(network), rows_(rows_for(network.description())), clock_(measure_clock()),
        first_frame_ns_(read(1, 1).max_ns()) {
    for (int i = 0; i < 100; ++i) read(1024, 1); // the processor's clock and predictors settle
  }

  const clock_description& clock() const noexcept { return clock_; }
  // Of the process: code and weights are not in memory yet.
  double first_frame_ns() const noexcept { return first_frame_ns_; }

  // The fewest frames a reading at which one step of the clock is 2 % of a frame.
  std::size_t frames_per_reading() const {
    const double frame_ns = read(1024, 16).quantile_ns(0.5);
    const double step_ns = clock_.step_ticks / clock_.ticks_per_ns;
    const double wanted = std::ceil(step_ns / (0.02 * std::max(frame_ns, 0.1)));
    return std::bit_ceil(static_cast<std::size_t>(std::clamp(wanted, 1.0, 1024.0)));
  }

  latency_distribution read(std::size_t frames_per_reading, std::size_t readings) const {
    std::vector<std::uint32_t> spans(readings);
#if TINYMLP_HAS_PROCESSOR_TICKS
    if (clock_.of_processor)
      sample<processor_ticks>(network_, rows_, frames_per_reading, spans);
    else
#endif
      sample<steady_ticks>(network_, rows_, frames_per_reading, spans);
    return {std::move(spans), frames_per_reading, clock_};
  }

private:
  const model& network_;
  std::vector<float> rows_;
  clock_description clock_;
  double first_frame_ns_;
};

// Readings fine enough for the clock; and, where those hold several frames, single frames too,
// which alone show how slow one of them can be.
struct measurement {
  clock_description clock;
  double first_frame_ns;
  latency_distribution latency;
  std::optional<latency_distribution> single;
};

measurement measure(const model& network, const latency_options& options) {
  const latency_meter meter(network);
  const std::size_t together =
      options.frames_per_reading != 0 ? options.frames_per_reading : meter.frames_per_reading();
  const std::size_t readings = std::max<std::size_t>(options.frames / together, 1);
  measurement done{meter.clock(), meter.first_frame_ns(), meter.read(together, readings),
                   std::nullopt};
  if (together > 1) done.single = meter.read(1, options.frames);
  return done;
}

struct figure {
  std::string name;
  double ns;
};

std::vector<figure> figures_of(const latency_distribution& latency) {
  std::vector<figure> figures{{"min", latency.min_ns()}};
  for (const quantile& q : quantiles)
    figures.push_back({std::string(q.name), latency.quantile_ns(q.share)});
  figures.push_back({"max", latency.max_ns()});
  figures.push_back({"mean", latency.mean_ns()});
  return figures;
}

std::string clock_text(const clock_description& clock) {
  std::string speed;
  if (clock.of_processor) speed = fmt::format(", {:.3f} GHz", clock.ticks_per_ns);
  return fmt::format("{}{}, in steps of {:.2f} ns; reading it takes {:.1f} ns, subtracted",
                     clock.name, speed, clock.step_ticks / clock.ticks_per_ns,
                     clock.overhead_ticks / clock.ticks_per_ns);
}

std::string frames_text(const latency_distribution& latency) {
  std::string text = fmt::format("{}, each waiting for the one before", latency.frames());
  if (latency.frames_per_reading() > 1)
    text += fmt::format("; read {} at a time, for the clock's steps", latency.frames_per_reading());
  return text;
}

std::string text_of(const model_description& network, const measurement& done) {
  std::string text =
      fmt::format("model    {} ({}, {}), {} kernel\nframes   {}\nclock    {}\n"
                  "first    {:.0f} ns, not counted below: warm_up() pays for it "
                  "before the loop\n\n",
                  network.name, network.shape, network.precision, network.row_kernel,
                  frames_text(done.latency), clock_text(done.clock), done.first_frame_ns);
  text += fmt::format("{:<6}{:>12}{}{}\n", "", "ns", done.clock.counts_cycles ? "      cycles" : "",
                      done.single ? "   one by one, ns" : "");
  const std::vector<figure> figures = figures_of(done.latency);
  const std::vector<figure> single = figures_of(done.single.value_or(done.latency));
  for (std::size_t i = 0; i < figures.size(); ++i) {
    text += fmt::format("{:<6}{:>12.1f}", figures[i].name, figures[i].ns);
    if (done.clock.counts_cycles)
      text += fmt::format("{:>12.0f}", figures[i].ns * done.clock.ticks_per_ns);
    if (done.single) text += fmt::format("{:>17.0f}", single[i].ns);
    text += '\n';
  }
  return text;
}

json figures_json(const latency_distribution& latency, double units_per_ns) {
  json to;
  for (const figure& f : figures_of(latency)) to[f.name] = f.ns * units_per_ns;
  return to;
}

json network_json(const model_description& network) {
  return {{"name", to_utf8(network.name)},
          {"sha256", network.sha256},
          {"shape", network.shape},
          {"precision", network.precision},
          {"kernel", network.row_kernel}};
}

json clock_json(const clock_description& clock) {
  return {{"name", clock.name},
          {"ticks_per_ns", clock.ticks_per_ns},
          {"step_ns", clock.step_ticks / clock.ticks_per_ns},
          {"overhead_ns", clock.overhead_ticks / clock.ticks_per_ns}};
}

json histogram_json(const latency_distribution& latency) {
  json bins = json::array();
  for (const auto& bin : latency.histogram())
    bins.push_back({{"from_ns", bin.from_ns}, {"to_ns", bin.to_ns}, {"readings", bin.readings}});
  return bins;
}

std::string json_of(const model_description& network, const measurement& done) {
  const latency_distribution& latency = done.latency;
  return write_json(
      {{"model", network_json(network)},
       {"frames", latency.frames()},
       {"frames_per_reading", latency.frames_per_reading()},
       {"clock", clock_json(done.clock)},
       {"first_frame_ns", done.first_frame_ns},
       {"latency_ns", figures_json(latency, 1)},
       {"latency_cycles",
        done.clock.counts_cycles ? figures_json(latency, done.clock.ticks_per_ns) : json()},
       {"single_frame_ns", figures_json(done.single.value_or(latency), 1)},
       {"histogram", histogram_json(latency)}});
}

void refuse_wrong_usage(const latency_options& options) {
  require_svg_name(options.plot);
  refuse_overwriting_by(options.output, options.plot, std::array{options.request.model});
}

void run_latency(const latency_options& options) {
  refuse_wrong_usage(options);
  const std::unique_ptr<model> network = open_model(options.request);
  refuse_overwriting_by(options.output, options.plot,
                        files_of(options.request, network->description()));
  atomic_file out(options.output);
  std::optional<atomic_file> picture;
  if (!options.plot.empty()) picture.emplace(options.plot);

  const measurement done = measure(*network, options);
  const model_description& description = network->description();
  out.write(options.format == "json" ? json_of(description, done) : text_of(description, done));
  if (picture) {
    picture->write(render_latency_plot(description, done.latency));
    picture->flush(); // so that a full disk is seen before the text replaces anything
  }
  out.commit();
  if (picture) picture->commit();
}

constexpr const char* latency_footer =
    R"(Each frame is a call for one row that cannot start before the score of the frame before is
there. Rows are 64 in turn, caches warm: real ones for six features and one score, numbers from 0
to 1 for other networks. The processor is kept from overlapping a
reading of the clock with the frames, and what reading it takes is measured and subtracted.

A clock that advances in steps coarser than 2 % of a frame (10 ns on some processors) is read once
for several frames in a row, and the figures are means of those; --frames-per-reading chooses how
many. A column tells what frames take one by one then, to the clock's step: only that shows how
slow a single frame can be. Cycles are those of the time-stamp counter, which runs at the
processor's nominal clock whatever its speed at the moment; other clocks count none.

max and the far tail hold what the system does meanwhile: interrupts, other programs, a virtual
machine's host. Compare them on a quiet processor: taskset -c 1 tinymlp latency.

Examples:
  tinymlp latency
  tinymlp latency --model mlp_large.int8 --isa avx2 --frames 10000000
  tinymlp latency --format json --output latency.json --plot latency.svg
)";

} // namespace

void add_latency_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("latency", "Measure how long one frame takes");
  auto options = std::make_shared<latency_options>();
  options->request.model = "mlp_small";
  command
      ->add_option("--model", options->request.model,
                   "Network: " + compiled_in_names() + ", or an ONNX file of any network")
      ->type_name("NAME|FILE")
      ->capture_default_str();
  command
      ->add_option("--isa", options->request.isa,
                   "Instruction set: " + isa_names() +
                       "; the best that this machine has by default")
      ->type_name("NAME");
  command
      ->add_option("--output-name", options->request.output_name,
                   "Which output of the graph; by default the first that is an MLP")
      ->type_name("NAME")
      ->check(utf8_text());
  command->add_option("--frames", options->frames, "How many frames to measure")
      ->type_name("N")
      ->check(number_in(std::uint64_t{1}, most_frames))
      ->capture_default_str();
  command
      ->add_option("--frames-per-reading", options->frames_per_reading,
                   "Read the clock once for so many frames; by default as many as it needs")
      ->type_name("N")
      ->check(number_in(std::size_t{1}, std::size_t{1} << 20));
  command->add_option("--format", options->format, "text or json")
      ->type_name("NAME")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "Write here, whole or not at all")
      ->type_name("FILE");
  command->add_option("--plot", options->plot, "Draw the distribution as SVG")->type_name("FILE");
  command->footer(latency_footer);
  command->callback([options] { run_latency(*options); });
}

} // namespace tinymlp::tools
