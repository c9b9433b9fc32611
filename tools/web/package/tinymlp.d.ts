/** Networks from ONNX files and the shipped ones, for browsers, workers and Node. */

/** The package's version, which is the engine's. */
export const version: string;

/** A network that predicts VMAF, and is part of the package. */
export type ShippedName = 'SHIPPED_NAMES';
/** Their names; those ending in `.int8` are quantised, those with `_4k` follow vmaf_4k_v0.6.1. */
export const names: readonly ShippedName[];
/** The six features of a frame, in the order of a row. */
export const featureNames: readonly string[];

/** Sets of WebAssembly instructions. All give the same bits. */
export type Isa = 'relaxed' | 'simd128' | 'plain';
export type Precision = 'fp32' | 'int8' | 'static int8';

/** Why a model, a call or a log was refused. */
export type ErrorCode =
  /** of the engine: include/tinymlp/error.hpp */
  | 'ERROR_CODES'
  /** no shipped network has that name */
  | 'unknown_name'
  /** a network that has been freed */
  | 'freed'
  /** of a log or CSV, as the program says it: file, line, reason */
  | 'failure'
  /** a model that scoreLog(), runCsv() or inspect() were to use; `report` lists all obstacles */
  | 'refused'
  /** options that exclude each other */
  | 'usage'
  | 'memory'
  | 'defect';

/** One thing that keeps a model from being read. */
export interface Obstacle {
  code: ErrorCode;
  /** Bytes from the start of the file. */
  offset: number;
  /** The node, tensor or value in question; may be empty. */
  node: string;
  /** The node's operator; may be empty. */
  operator: string;
  reason: string;
  /** What to do at the exporter; may be empty. */
  advice: string;
  /** The heading of include/tinymlp/onnx/README.md that lists what is accepted. */
  section: string;
  /** Numbers that were found and what they should be, where that helps. */
  found: number | null;
  accepted: number | null;
  /** The shape that was found; null for a symbolic dimension. */
  shape: (number | null)[];
  text: string;
}

export class TinymlpError extends Error {
  readonly code: ErrorCode;
  readonly offset: number;
  readonly node: string;
  readonly operator: string;
  readonly advice: string;
  readonly section: string;
  /** All that keeps a model from being read, the first 64. */
  readonly obstacles: readonly Obstacle[];
  readonly obstacleCount?: number;
  /** All obstacles as a text, where the program refused a model. */
  readonly report?: string;
}

export interface LoadOptions {
  /** The graph output to compute; by default the first that is an MLP. */
  outputName?: string;
  /** Files of external tensor data, by the location that the model gives. */
  external?: Record<string, ArrayBuffer | ArrayBufferView>;
  /** By default the best that there is. */
  isa?: Isa;
}

/** A network; make one with load(). Frees its memory when it is collected, or at free(). */
export class Network {
  private constructor();
  /** Of a shipped network, else empty. */
  readonly name: string;
  /** libvmaf's model that a shipped network follows, else empty. */
  readonly predicts: string;
  /** Features in a row, values out of it. */
  readonly inputs: number;
  readonly outputs: number;
  readonly parameters: number;
  readonly precision: Precision;
  /** The sizes of the layers, '6-16-8-1'. */
  readonly shape: string;
  readonly graphInputs: readonly { name: string; first: number; count: number; used: boolean }[];
  readonly outputName: string;
  /** Of a classifier, where it has integer labels. */
  readonly labels: readonly number[];
  readonly isa: Isa;
  /** One row of a network with one output, not clipped. NaN where a feature is NaN or infinite. */
  score(row: ArrayLike<number>): number;
  /** Row-major rows [N, inputs] to [N, outputs], into `out` where it is given. Returns it. */
  run(rows: Float32Array, out?: Float32Array): Float32Array;
  free(): void;
  [Symbol.dispose](): void;
}

/** A shipped network, or that of an ONNX file's bytes; throws TinymlpError where it is refused. */
export function load(model: ShippedName | ArrayBuffer | ArrayBufferView, options?: LoadOptions): Promise<Network>;

/** A score brought into libvmaf's range, 0 to 100; NaN stays NaN. */
export function clip(score: number): number;

/** A log, or rows in CSV. A Blob or File is read in constant memory in a worker; streams, and Blobs on the main
 *  thread, are collected first. */
export type Input = string | ArrayBuffer | ArrayBufferView | Blob | ReadableStream<Uint8Array | string>
  | AsyncIterable<Uint8Array | string>
  /** Fills the front of `into` and tells how many bytes that were; 0 at the end. */
  | { size?: number; read(into: Uint8Array): number };

export interface ProgramOptions {
  /** A shipped network, or an ONNX file's bytes. mlp_small by default. */
  model?: ShippedName | ArrayBuffer | ArrayBufferView;
  /** What messages call the model that is no shipped one. */
  modelName?: string;
  outputName?: string;
  external?: Record<string, ArrayBuffer | ArrayBufferView>;
  /** What messages call the input; by default its own name, where it has one. */
  name?: string;
  isa?: Isa;
  signal?: AbortSignal;
  /** Called as the input is read. What it throws ends the run. */
  onProgress?(rows: number, bytes: number): void;
}

export interface ScoreOptions extends ProgramOptions {
  /** true: always to 0..100; false: never; by default for shipped networks. */
  clip?: boolean;
  /** The features with this suffix; '' for none. */
  featureSuffix?: string;
  /** The key of the log's own score; '' for none. */
  ownScore?: string;
}

/** Pooled as libvmaf pools; percentiles are linear between ranks. All NaN with a NaN among the scores. */
export interface Pooled {
  min: number;
  max: number;
  mean: number;
  harmonicMean: number;
  p1: number;
  p5: number;
  p10: number;
}

export interface Description {
  name: string;
  predicts: string;
  /** 'mlp_small', or the shape where that has no name. */
  network: string;
  shape: string;
  precision: Precision;
  kernel: string;
  /** Of the ONNX file. */
  sha256: string;
  bytes: number;
  outputName: string;
  parameters: number;
  inputs: number;
  outputs: number;
  shipped: boolean;
}

export interface Message {
  kind: 'warning' | 'note';
  text: string;
}

/** What `tinymlp score` tells of a log. */
export interface ScoredLog {
  network: Description;
  log: { name: string; format: string; version: string; model: string; ownKey: string; ownModel: string; keys: string[] };
  rows: number;
  /** Frame numbers, in the order of the log. */
  frames: Float64Array;
  /** The network's scores. */
  scores: Float32Array;
  /** The log's own scores, NaN where a frame has none; null for a log without. */
  own: Float64Array | null;
  clipped: boolean;
  /** Whether the log's own score is of the model that the network follows, as far as is known. */
  compared: boolean;
  /** Between most frames; a wider step is a gap. */
  step: number;
  pooled: Pooled;
  ownPooled: Pooled | null;
  /** Against the log's own score; NaN where it is not compared. */
  plcc: number;
  rmse: number;
  notFinite: number;
  messages: Message[];
  /** What `tinymlp score` writes. */
  csv(): string;
  json(): string;
  /** The picture of `--plot`; it follows the reader's light or dark scheme. */
  svg(): string;
}

/** Scores a libvmaf log in JSON, XML or CSV, or any CSV that names the six features. */
export function scoreLog(input: Input, options?: ScoreOptions): Promise<ScoredLog>;

/** What `tinymlp run` prints of a CSV, and the outputs [rows, outputs]. */
export function runCsv(input: Input, options?: ProgramOptions): Promise<{
  network: Description;
  names: string[];
  rows: number;
  values: Float32Array;
  csv: string;
  messages: Message[];
}>;

/** What `tinymlp inspect` prints of an ONNX file. */
export function inspect(model: ArrayBuffer | ArrayBufferView,
  options?: Pick<ProgramOptions, 'modelName' | 'outputName' | 'external' | 'isa'>): Promise<string>;
