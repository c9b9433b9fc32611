// `tinymlp score`: bytes -> log rows -> blocks -> scores -> writer.
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "system/atomic_file.hpp"
#include "system/byte_source.hpp"
#include "commands.hpp"
#include "commands/options.hpp"
#include "commands/usage.hpp"
#include "system/failure.hpp"
#include "system/folder.hpp"
#include "system/growing_file.hpp"
#include "system/interrupts.hpp"
#include "logs/log_reader.hpp"
#include "models/open_model.hpp"
#include "pictures/score_plot.hpp"
#include "writers/score_writers.hpp"
#include "scores/scoring.hpp"
#include "system/terminal.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

using clock = std::chrono::steady_clock;

struct score_options {
  std::string input;
  model_request request{.model = "mlp_small"};
  std::string format = "csv";
  std::string output;
  std::string plot;
  log_options log;
  scoring_options scoring;
  std::string warn_range; // a number above 0; empty for none
  bool follow = false;
  bool verbose = false;

  bool to_screen() const { return output.empty() || output == "-"; }
};

void refuse_wrong_usage(const score_options& options) {
  require_svg_name(options.plot);
  refuse_overwriting_by(options.output, options.plot,
                        std::array{options.input, options.request.model});
}

std::unique_ptr<score_writer> make_writer(const score_options& options, atomic_file& out) {
  if (options.format == "json") return make_json_writer(out);
  if (options.format == "csv") return make_csv_writer(out);
  const int screen = options.to_screen() ? STDOUT_FILENO : -1;
  return make_view_writer(out, wants_colour(screen), text_columns(screen));
}

void print_details(const scoring_sink& sink, double total_ns) {
  const auto& [network, log, input, clipped] = sink.context();
  const score_summary& s = sink.summary();
  const auto line = [](std::string_view name, const std::string& value) {
    write_error(fmt::format("{:<11}{}\n", name, printable(value, 400)));
  };
  const bool quantised_here = network.compiled_in && network.precision == "int8";
  line("model", network.name + (network.compiled_in ? " (compiled in)" : ""));
  if (!network.registered.empty()) line("registry", network.registered);
  line("sha256", fmt::format("{} ({} bytes{})", network.sha256, network.bytes,
                             quantised_here ? ", fp32, quantised by the compiler" : ""));
  for (const auto& [location, sha256] : network.external)
    line("external", fmt::format("{}, sha256 {}", location, sha256));
  line("network",
       fmt::format("{}: {}, {} parameters", network.network, network.shape, network.parameters));
  if (!network.predicts.empty())
    line("predicts", network.predicts + (clipped ? ", clipped to 0..100" : ", not clipped"));
  line("precision", network.precision);
  line("kernel", network.kernel);
  line("input",
       fmt::format("{}: {}{}{}", input, log.format, log.version.empty() ? "" : " ", log.version));
  line("features", joined(log.keys, " "));
  line("own score",
       !log.has_vmaf ? std::string("none")
       : compares(sink.context())
           ? fmt::format("{}: PLCC {:.6f}, RMSE {:.4f}", log.own_key, s.own.plcc(), s.own.rmse())
           : fmt::format("{}: of {}, not compared", log.own_key, log.own_model));
  line("frames", fmt::format("{}, {} of them without a finite score", s.rows, s.not_finite));
  line("time",
       fmt::format("{:.3f} ms in all, {:.3f} ms scoring: {:.1f} ns per frame", total_ns / 1e6,
                   s.scoring_ns / 1e6, s.scoring_ns / static_cast<double>(s.rows)));
}

// Rows that left through a pipe or to the screen cannot be called back.
template <class Read> void read_rows(const atomic_file& out, Read&& read) {
  try {
    read();
  } catch (const failure& why) {
    if (!out.has_escaped()) throw;
    fail("{}; what was written before this is incomplete", why.what());
  }
}

// A log that still grows, up to its own end or a signal. What takes its place is read after it.
void follow_log(growing_file& log, std::optional<byte_source>& source, const score_options& options,
                scoring_sink& sink) {
  const interrupts signals;
  for (bool by_signal = false; !by_signal;) {
    source->follow(log);
    try {
      return read_log(*source, options.log, sink);
    } catch (const failure&) {
      sink.idle(); // the frames before it
      throw;
    } catch (const growth_ended& end) {
      // Whole frames were handed on when the reader began to wait; a part of one is no frame.
      sink.idle();
      by_signal = end.why == growth_ended::reason::signal;
      if (!by_signal) sink.note(fmt::format("{}: reading the new log from its start", end.what()));
    }
    if (!by_signal) by_signal = !log.wait_for_file();
    if (!by_signal) source.emplace(options.input);
  }
  if (!sink.has_begun()) fail("{}: had no frames when a signal came", options.input);
}

void run_score(const score_options& options) {
  refuse_wrong_usage(options);
  const clock::time_point start = clock::now();
  const std::unique_ptr<model> network = open_model(options.request);
  require_scores_of_frames(network->description());
  refuse_overwriting_by(options.output, options.plot,
                        files_of(options.request, network->description()));
  std::optional<growing_file> growing;
  if (options.follow) growing.emplace(options.input);
  std::optional<byte_source> source(std::in_place, options.input);
  atomic_file out(options.output);
  std::optional<atomic_file> picture;
  if (!options.plot.empty()) picture.emplace(options.plot);

  const std::unique_ptr<score_writer> writer = make_writer(options, out);
  scoring_options scoring = options.scoring;
  scoring.measure = options.format == "view";
  if (!options.warn_range.empty()) read_number(options.warn_range, scoring.warn_z);
  scoring_sink sink(scoring, *network, *source, *writer);
  read_rows(out, [&] {
    if (growing) return follow_log(*growing, source, options, sink);
    read_log(*source, options.log, sink);
  });
  sink.end();
  if (picture) {
    picture->write(render_plot(sink.context(), sink.summary(), sink.scores()));
    picture->flush(); // so that a full disk is seen before the scores replace anything
  }
  out.commit();
  if (picture) picture->commit();
  sink.report_warnings();
  const std::chrono::duration<double, std::nano> total = clock::now() - start;
  if (options.verbose) print_details(sink, total.count());
}

constexpr const char* score_footer =
    R"(INPUT is a libvmaf log in JSON, XML or CSV, or any CSV whose header names the columns adm2,
vif_scale0, vif_scale1, vif_scale2, vif_scale3 and motion2 (alone, or as libvmaf spells them:
integer_adm2, float_adm2, VMAF_integer_feature_adm2_score); "-" is standard input. The format is
told by the content.

A shipped network predicts libvmaf's score: vmaf_v0.6.1, and vmaf_4k_v0.6.1 where the name ends in
_4k. By its name, it is clipped to 0..100 as libvmaf's is, unless --raw is given; scores of a FILE
are not clipped unless --clip is given. Frames outside the region in which these networks were
verified are counted in a warning, whether one was named or its file was.

A frame whose features are NaN, infinite or null scores NaN (null in JSON) and is counted in a
warning; so are the pooled scores then. Everything else that is missing or malformed ends the
run with exit status 1, and an existing output file stays as it was.

Examples:
  tinymlp score vmaf.json
  tinymlp score --model mlp_large --format json --output scores.json vmaf.xml
  tinymlp score --model mine.onnx --plot scores.svg --clip vmaf.csv
  tinymlp score --raw vmaf.json
  tinymlp score --model mlp_medium_4k vmaf.json
  tinymlp score --registry model/registry.json --model mlp_large --verbose vmaf.csv
  zcat features.csv.gz | tinymlp score - > scores.csv
  tinymlp score --follow vmaf.json
)";

} // namespace

void add_score_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("score", "Score the frames of a libvmaf log or a CSV");
  auto options = std::make_shared<score_options>();
  command
      ->add_option("--model", options->request.model,
                   "Network: " + compiled_in_names() +
                       ", or an ONNX file: six features, one output")
      ->type_name("NAME|FILE")
      ->capture_default_str();
  command
      ->add_option("--isa", options->request.isa,
                   "Instruction set: " + isa_names() +
                       "; the best that this machine has by default")
      ->type_name("NAME");
  command
      ->add_option("--registry", options->request.registry,
                   "Take --model from this registry, as an id; its bytes must have the hash there")
      ->type_name("FILE");
  command
      ->add_option("--precision", options->request.precision,
                   "fp32 or int8; by default what the registry says (quant_mode), or the file has")
      ->type_name("NAME");
  command
      ->add_option("--public-key", options->request.public_key,
                   "Refuse what is not signed with this minisign key (with --registry)")
      ->type_name("FILE|KEY");
  command
      ->add_option("--format", options->format, "csv, json (libvmaf's layout), or view (a chart)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"csv", "json", "view"}))
      ->capture_default_str();
  command->add_option("--output", options->output, "Write here, whole or not at all")
      ->type_name("FILE");
  command->add_option("--plot", options->plot, "Draw score over frames as SVG")->type_name("FILE");
  const auto clip_as = [&](const char* flag, clipping how, const char* what) {
    return command->add_flag_callback(
        flag, [options, how] { options->scoring.clip = how; }, what);
  };
  CLI::Option* clip = clip_as("--clip", clipping::always,
                              "Clip scores to [0, 100], as those of a shipped network are anyway");
  clip_as("--raw", clipping::never, "The network's own output, which may lie beyond [0, 100]")
      ->excludes(clip);
  command
      ->add_option("--feature-suffix", options->log.feature_suffix,
                   "Take the features with this suffix, such as _egl_1 (NEG); \"\" for none")
      ->type_name("TEXT")
      ->check(utf8_text());
  command
      ->add_option("--own-score", options->log.own_score,
                   "Compare with the log's score under this key; \"\" for none. By default vmaf, "
                   "else the only key that looks like one")
      ->type_name("KEY")
      ->check(utf8_text());
  command
      ->add_flag("--warn-range{6}", options->warn_range, // as text: a flag's number is whole
                 "Warn of features more than 6 standard deviations from the mean of the training "
                 "rows, as the network's scaler has them; --warn-range=Z for another limit")
      ->check(number_above(0.0));
  command->add_flag_callback(
      "--no-warn-region", [options] { options->scoring.warn_region = false; },
      "Do not warn of frames outside the region in which the shipped networks were verified");
  command->add_flag(
      "--verbose", options->verbose,
      "Say on standard error which file, hash, precision, kernel and columns were used");
  command->add_option("INPUT", options->input, "Log or CSV; - for standard input")->required();
  command->add_flag_callback(
      "--follow", [options] { options->follow = options->log.live = true; },
      "Wait for more where the log ends for now, until it is closed or Ctrl-C is pressed");
  command->footer(score_footer);
  command->callback([options] { run_score(*options); });
}

} // namespace tinymlp::tools
