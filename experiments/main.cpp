// The binary: one subcommand a file in this folder.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>

#include <CLI/CLI.hpp>

#include "core/build_info.h"
#include "core/edit_distance.h"
#include "core/errors.h"
#include "core/interrupt.h"
#include "experiments/commands.h"

namespace {

using quasar::RunArguments;

constexpr const char* kOverridesHelp =
    "Settings that replace the file's, as section.key=value (TOML values; a bare word is a string)";

const std::string kScheduleKeys =
    "Keys of a training schedule:\n"
    "  training.steps (or training.slow_time = steps * learning_rate^2)\n"
    "  learning_rate.schedule = constant|cosine|linear|step|cosine_step, .peak, .final, .warmup_steps, .decay_steps,\n"
    "    .decay_factor, .base\n"
    "  sync.rule = constant (.period) | inverse (.beta: H = beta/eta) | qsr (.alpha: H = (alpha/eta)^2) |\n"
    "    power (.alpha, .power) | phases (.phases = [[start, H], ...]) | swap; .base_period is the smallest H and the "
    "one\n"
    "    of warm-up; before .switch_step gradients are averaged at every step (post-local SGD)\n";

const std::string kRunKeys = "  workers.count, record.points, run.name, run.results (folder), run.seed\n";

const std::string kLandscapeKeys =
    "  landscape.name = valley|circle|hyperbola|river|periodic_valley|sphere|turning_valley|\n"
    "    ellipse|diagonal_network|least_squares|quadratic|multiplicative_quadratic|matrix_factorization (.rows, "
    ".columns, .rank)|\n"
    "    tanh_network (.inputs, .samples, .width, .data_seed), .start and the landscape's own settings\n"
    "    (--dry-run lists them)\n";

const std::string kToyRecordKeys =
    "  record.observables = [\"name\", ...] of the landscape's own (the default, with distance_to_manifold and\n"
    "    trace_hessian), lambda_max, loss, worker_dispersion (just before averaging; computes that round twice),\n"
    "    average_1, ..., projected_1, ...; each with mean, s.e., quantiles (of values rounded to 13 bits) and "
    "covariances\n"
    "  record.times = [t, ...] (instead of record.points), .paths (the first n replicas), .histograms.NAME = [low, "
    "high,\n"
    "    bins] (of an observable), .histogram (bins; where the replicas are along the manifold)\n";

const std::string kTrainKeys =
    "  sync.rule = parallel averages gradients at every step, overlapped with backward; training.epochs instead of\n"
    "    .steps where a task is trained\n"
    "network.name = mlp|cnn|resnet20|resnet56|resnet18|34|50|101|152|vit|simple_vit classifies images:\n"
    "  data.name = cifar10|fashion_mnist|mnist|procedural|procedural_color, .root, .crop_padding, .flip, .mixup,\n"
    "    .label_flip (p), .order = reshuffle|partition|replacement, .epoch = straddle|drop\n"
    "  photographs: data.name = image_folder|webdataset|imagenet|procedural_photos, .root (train/CLASS/*.jpg or\n"
    "    train/*.tar, val/...), .size (pixels), .readers (threads a worker), .random_resized_crop,\n"
    "    .rand_augment_layers, .rand_augment_magnitude (0 to 30), .on_damaged = stop|skip, .identity\n"
    "  network.width, .depth, .activation, .norm = none|batch|group, .zero_init_last_norm, .stem = imagenet|small,\n"
    "    .patch, .heads, .mlp_width, .channels_last,\n"
    "    .precision = float32|bfloat16|float64; loss.label_smoothing; start.weights (file, checkpoint or results "
    "folder)\n"
    "network.name = llama|microllama predicts the next token; the same but for\n"
    "  data.name = tiny_shakespeare|wikitext2|text|llmc|nanogpt|procedural_tokens, .context (tokens), .train, .test\n"
    "    (files or patterns), .test_share, .vocabulary, .root; evaluate.train_windows, record.probe_windows\n"
    "  network.context, .width, .depth, .heads, .kv_heads, .mlp_width, .vocabulary, .rope_theta, .norm_epsilon, .tied\n"
    "  Example: quasar train experiments/language.toml\n"
    "Both tasks:\n"
    "  optimizer.name = sgd|adamw, .momentum, .nesterov, .weight_decay, .beta1, .beta2, .epsilon; clip.norm,\n"
    "    .scope = auto|local|global; training.on_nonfinite = stop|skip (leave out steps with such a gradient)\n"
    "  outer.name = none|slowmo (.beta, .alpha) | diloco (.learning_rate, .momentum); ema.decay\n"
    "  averaging.momentum, .adam_m, .adam_v = keep|average|reset, .batch_norm = reestimate|keep|average|pooled\n"
    "  batch.local_size, .micro_size (accumulation); norm_test.tolerance, .max_local_size (adaptive local batch)\n"
    "  workers.count (K), .processes or .threads (K / that many in turn on each), .node_size (gradients averaged "
    "inside\n"
    "    a node), .device = cpu|cuda, .timeout, .check_collectives, .check_replicas (every n rounds), .interface,\n"
    "    .threads_per_worker, .affinity, .log_folder; under torchrun --no-python, srun or mpirun their processes are "
    "the workers\n"
    "  evaluate.when = epoch|steps|sync, .every, .at_start, .train_images (.train_windows), .batch_norm_batches, .ema\n"
    "  checkpoint.every (steps; 0: none), .keep_last, .keep_every, .keep_best, .on_save_error = stop|go_on, .allow;\n"
    "    run.time_limit (s); record.every, .probe_every (steps)\n"
    "  Examples: quasar train experiments/cifar10.toml workers.processes=2 sync.alpha=0.3\n"
    "            quasar train experiments/presets/resnet152_qsr.toml --arm qsr data.root=IMAGENET\n"
    "network.name = tanh_mlp interpolates a few images with label noise, beside its Slow SDE:\n"
    "  data.classes, .images, .held_out; network.width, .precision; noise.label_noise; batch.local_size; start.seed;\n"
    "  train.replicas (noise seeds trained side by side), workers.check_collectives\n"
    "  Example: quasar train experiments/label_noise.toml sync.rule=inverse sync.beta=1.0 workers.count=4\n"
    "For both:\n";

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 2 usage or configuration, 3 data, 4 checkpoint, 5 numbers (diverged), 6 peer,\n"
    "7 storage, 8 finished but logs incomplete, 75 saved: start me again, 128 + n ended by signal n.";

CLI::App* add_run_command(CLI::App& app, const char* name, const char* description, RunArguments& arguments) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("FILE", arguments.file, "Configuration (TOML)")->required();
  command->add_option("OVERRIDES", arguments.overrides, kOverridesHelp);
  return command;
}

void add_dry_run(CLI::App* command, RunArguments& arguments) {
  command->add_flag("--dry-run", arguments.dry_run, "Check the settings, say what would run and where, and stop");
}

void add_all_regimes(CLI::App* command, bool& all_regimes) {
  command->add_flag("--all-regimes", all_regimes,
                    "Run SGD (H = 1), H = beta/eta (sync.beta) and QSR (sync.alpha) of the file one after the other,\n"
                    "then their table and figure");
}

void add_size(CLI::App* command, RunArguments& arguments) {
  command->add_option(
      "--size", arguments.choice.size,
      "Use the file's table [size.NAME] over its own keys: smoke, mini, ... (default paper: the file as it is)");
}

void add_choice(CLI::App* command, RunArguments& arguments) {
  add_size(command, arguments);
  command->add_option("--arm", arguments.choice.arm,
                      "Use the file's table [arms.NAME] over its own keys and the size's");
}

int run(int argc, char** argv) {
  CLI::App app{
      "quasar: Local SGD, theory and measurement side by side.\n"
      "Integrates the Slow SDEs of SGD, H ~ 1/eta and H ~ 1/eta^2 (QSR), simulates toy landscapes, trains networks."};
  app.set_version_flag("--version", "quasar " + quasar::build_info().version + " (" + quasar::build_info().commit +
                                        (quasar::build_info().dirty ? ", changed" : "") + ")");
  app.require_subcommand(1);
  app.footer(std::string("Start with: quasar compare experiments/side_by_side.toml\n") + kExitCodes);

  RunArguments arguments;
  bool json = false;
  CLI::App* plan = add_run_command(app, "plan",
                                   "Rounds, communication volume and the H of every round of a training schedule,\n"
                                   "without running it",
                                   arguments);
  add_choice(plan, arguments);
  plan->add_flag("--json", json, "Print one JSON object instead of a table");
  std::string measured;
  plan->add_option("--measured", measured, "Results folder of a training run: predict the time at its speed");
  plan->footer(kScheduleKeys + "Example: quasar plan experiments/presets/vit_b_qsr.toml sync.alpha=0.02 --json");

  CLI::App* sde = add_run_command(app, "sde", "Integrate a Slow SDE on the manifold of minimisers (theory)", arguments);
  add_dry_run(sde, arguments);
  bool all_regimes = false;
  add_all_regimes(sde, all_regimes);
  sde->add_flag("!--no-figure", arguments.figure, "Do not draw the figures of the run into its results folder");
  sde->footer(
      kScheduleKeys + "Other keys:\n" + kLandscapeKeys +
      "  sde.equation = slow_sde | limiting_diffusion (of SGD: the full noise projected; needs H = 1)\n"
      "  sde.scheme = euler (weak order 1) | platen (2) | talay_tubaro (2; a step is two half steps beside a whole "
      "one),\n"
      "    .noise = gaussian|two_point|three_point, .retraction = gradient_flow|newton|orthographic\n"
      "  sde.start = [x, y, ...] (instead of landscape.start; projected onto the manifold), .max_bad_fraction (of the\n"
      "    paths that may be given up); record.times = [t, ...] (instead of record.points), .paths (drawn as a "
      "bundle)\n"
      "  sde.steps, .paths, .threads, .weights = psi (1 + (K-1) psi(eta H (l_i + l_j))) |\n"
      "    limit (1 or K) | psi_disc (finite eta and H), .system = landscape|network (the one `train` would train)\n"
      "  .solver = paths | backward_equation (circle, ellipse, periodic_valley; .nodes: expectations without paths)\n"
      "  sde.estimator = independent | multilevel (coupled Euler paths of .steps, .steps/2, ... steps on .levels; the\n"
      "    mean at the end to .standard_error; .pilot paths a level first)\n"
      "  checkpoint.seconds (60 s of wall time between two saves of the paths, from the last of which the same "
      "command\n"
      "    goes on; 0: only when a signal comes)\n"
      "  optimizer.name = sgd (.momentum, through the effective rate eta/(1 - b)) | adam (.beta2, .epsilon; its slow\n"
      "    dynamics by Euler's scheme, parallel for H = 1, else with moments of each worker's own)\n" +
      kRunKeys + "Example: quasar sde experiments/circle.toml sync.rule=qsr sync.alpha=0.1");

  CLI::App* toy = add_run_command(
      app, "toy", "Simulate Local SGD on a toy landscape, many replicas at once (measurement)", arguments);
  add_dry_run(toy, arguments);
  add_all_regimes(toy, all_regimes);
  toy->footer(
      kScheduleKeys + "Other keys:\n" + kLandscapeKeys +
      "  ensemble.replicas, .threads, .precision = float64|float32, .device = cpu|cuda, .max_bad_fraction,\n"
      "  checkpoint.seconds (60; the same command goes on from a saved state, also after a signal or a crash)\n"
      "  noise.law = gaussian|label_noise (fair signs, a bit each)|student_t (.degrees_of_freedom >= 3)|minibatch\n"
      "    (batch.local_size, data.order = replacement|reshuffle; least_squares and diagonal_network only);\n"
      "  optimizer.name = sgd (.momentum, .nesterov) | adam (.beta1, .beta2, .epsilon); averaging.momentum, .adam_m,\n"
      "    .adam_v = keep|average|reset; student_t, minibatch, momentum and adam in float64 on the cpu,\n"
      "    and these not with matrix_factorization and tanh_network\n" +
      kToyRecordKeys + kRunKeys +
      "Sweeps: sweep.eta, .H, .K, .beta, .alpha or any key as sweep.section.key = [values]: every combination with\n"
      "  the same seed, and a table\n"
      "  quasar toy FILE 'sweep.eta=[0.01, 0.005]' 'sweep.K=[1, 4, 16]'\n"
      "Shards: each of n machines or jobs runs a part of the replicas, and quasar merge joins them exactly:\n"
      "  sbatch --array=0-7 ... quasar toy FILE --shard $SLURM_ARRAY_TASK_ID/8\n"
      "Example: quasar toy experiments/circle.toml sync.rule=inverse sync.beta=0.5 ensemble.replicas=1000");
  std::string shard;
  toy->add_option("--shard", shard,
                  "Run only part i of n of the replicas, given as i/n and counted from 0 (same as ensemble.shard)");

  std::vector<std::string> shard_folders;
  CLI::App* merge = app.add_subcommand(
      "merge", "Join the shards of a toy ensemble: the results are those of a run in one piece, byte for byte");
  merge->add_option("DIR", shard_folders, "The results folders of all shards")->required();
  merge->footer(
      "The whole goes beside the first DIR, without -shard-i-of-n in its name.\n"
      "Example: quasar merge results/circle/1a2b...-shard-*-of-8");

  CLI::App* convex = add_run_command(
      app, "convex", "Local SGD on logistic regression or ridge: gradients and rounds to epsilon for each K and H",
      arguments);
  add_dry_run(convex, arguments);
  convex->footer(
      "Keys: data.name = a9a|w8a|mushrooms|... (.root) or data.file (LIBSVM text); convex.loss = logistic|ridge,\n"
      "  .regularization (default 1/n), .storage = sparse|dense, .epsilon, .max_gradients (of a run), .asynchronous,\n"
      "  .delay = none|constant|uniform; workers.counts, sync.periods, learning_rate.shifts (lists; the theorem's "
      "shift is\n"
      "  always tried), batch.local_size, ensemble.threads, run.*\n"
      "Example: quasar compare experiments/stich.toml data.root=DIR");

  CLI::App* train = add_run_command(
      app, "train",
      "Train a network by Local SGD with several workers (measurement; needs LibTorch). The same command goes on\n"
      "where an unfinished run was saved",
      arguments);
  add_dry_run(train, arguments);
  add_choice(train, arguments);
  train->footer(kScheduleKeys + kTrainKeys + kRunKeys);

  CLI::App* compare =
      app.add_subcommand("compare",
                         "Theory beside measurement, or training runs beside each other: a table and\n"
                         "figures from results folders; given a FILE, first runs the parts that are missing");
  std::vector<std::string> targets;
  compare->add_option("TARGETS", targets, "One FILE.toml followed by overrides (section.key=value), or results folders")
      ->required();
  add_dry_run(compare, arguments);
  add_size(compare, arguments);
  compare->footer(
      "Examples: quasar compare experiments/side_by_side.toml network.images=64\n"
      "          quasar compare experiments/presets/vit_b_qsr.toml --size mini   (every arm with every seed)\n"
      "          quasar compare results/circle/1a2b... results/circle/3c4d...\n"
      "          quasar compare results/cifar10/*      (training runs, also while they run)");

  std::vector<std::string> folders;
  std::string format = "csv", out;
  CLI::App* export_records =
      app.add_subcommand("export", "Copy the records of results folders into CSV files or TensorBoard's event files");
  export_records->add_option("DIR", folders, "Results folders, also of runs that go on")->required();
  export_records->add_option("--format", format, "csv (default) or tensorboard")
      ->check(CLI::IsMember({"csv", "tensorboard"}));
  export_records->add_option("--out", out, "Write into FOLDER/<name>/<hash>/ (default: DIR/csv or DIR/tensorboard)");
  export_records->footer(
      "CSV: one file a series, dotted columns (time.wall), nan for numbers that are not finite. TensorBoard: scalars\n"
      "<series>/<column> against the step. Exporting again replaces the files. Needs Python, see quasar doctor.\n"
      "Examples: quasar export results/cifar10/1a2b...\n"
      "          quasar export results/cifar10/* --format tensorboard --out events && tensorboard --logdir events");

  CLI::App* doctor = app.add_subcommand("doctor",
                                        "What this binary and this machine can do: instruction set, LibTorch,\n"
                                        "CUDA, NCCL, Python, data, free disk");

  if (argc > 1 && argv[1][0] != '-') {
    const std::vector<std::string> commands = {"plan",  "sde",     "toy",    "merge", "convex",
                                               "train", "compare", "export", "doctor"};
    if (std::find(commands.begin(), commands.end(), argv[1]) == commands.end()) {
      const std::string near = quasar::nearest(argv[1], commands);
      throw quasar::ConfigError("there is no command '" + std::string(argv[1]) + "'" +
                                (near.empty() ? "" : " (did you mean " + near + "?)") + "; see quasar --help");
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(quasar::ExitCode::usage);
  }
  if (*plan) quasar::plan_command(arguments, json, measured);
  if (*sde) quasar::sde_command(arguments, all_regimes);
  if (!shard.empty()) arguments.overrides.push_back("ensemble.shard='" + shard + "'");
  if (*toy) quasar::toy_command(arguments, all_regimes);
  if (*merge) quasar::merge_command(shard_folders);
  if (*convex) quasar::convex_command(arguments);
  if (*train) return quasar::train_command(arguments);
  if (*compare) quasar::compare_command(arguments, targets);
  if (*export_records) return quasar::export_command(folders, format, out);
  if (*doctor) quasar::doctor_command();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  quasar::catch_interrupts();
  try {
    return run(argc, argv);
  } catch (const quasar::Interrupted& interrupted) {
    std::fprintf(stderr, "quasar: interrupted; the results folder says so and keeps what was recorded\n");
    return 128 + interrupted.signal;
  } catch (const quasar::Error& error) {
    std::fprintf(stderr, "quasar: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::filesystem::filesystem_error& error) {
    std::fprintf(stderr, "quasar: '%s' cannot be used: %s\n", error.path1().c_str(), error.code().message().c_str());
    return static_cast<int>(quasar::ExitCode::usage);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "quasar: out of memory; ask for fewer paths, replicas or records, or a smaller batch\n");
    return static_cast<int>(quasar::ExitCode::usage);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quasar: unexpected error: %s (please report it with the command line)\n", error.what());
    return 1;
  }
}
