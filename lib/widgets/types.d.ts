/**
 * Types that the pages' JavaScript shares: what Python sends (experiment.py, explorer.py, course.py) and what host and
 * user interface say to each other. Only the type checker reads this file: `npx tsc`.
 */

// --- An experiment as data ----------------------------------------------------------------------------------

interface Control {
  name: string;
  /** What the label shows in mathematics, plain Unicode. */
  symbol: string;
  label: string;
  /** Where Reset goes. */
  default: number;
  minimum: number;
  maximum: number;
  scale: "linear" | "log" | "integer";
  /** The only values allowed; empty where a whole range is. */
  choices: number[];
  /** Their names in a menu; empty where there is a slider. */
  choice_labels: string[];
  /** The values allowed, in words. */
  range: string;
  /** Whether it is folded under "More". */
  more: boolean;
}

interface Curve {
  name: string;
  label: string;
  points: number;
  style: "line" | "dashed" | "dotted" | "points" | "map";
  /** Index of the palette. */
  color: number;
  /** Whether it has limits around it. */
  band: boolean;
  /** Whether the axes are fitted to it. */
  framed: boolean;
  /** Place in the output: `points` doubles for each of the columns, one column after the other. */
  start: number;
  columns: ("x" | "y" | "lower" | "upper" | "value")[];
}

interface Readout {
  name: string;
  label: string;
  /** Significant digits. */
  digits: number;
  /** Whether it is the one number that matters. */
  headline: boolean;
  /** Name of the read-out that is its error, shown behind a ±; "" if there is none. */
  error: string;
  /** What its values 0, 1, ... stand for; none where it is a number. */
  names: string[];
  /** Place in the output. */
  start: number;
}

/** A part of the second picture: a matrix at time 0 and at each time of a curve. */
interface Panel {
  name: string;
  label: string;
  kind: "matrix" | "bars";
  /** Name of the curve. */
  along: string;
  /** What they are, as many as there can be; NaN where a state has fewer. */
  rows: string[];
  columns: string[];
  /** Place in the output: a double for each time, row and column, columns fastest. */
  start: number;
}

interface Axis {
  label: string;
  log: boolean;
  limits: [number, number] | null;
}

/** A control, and its values at which something is in the picture; null for always. */
type When = [control: string, values: number[]] | null;

/** A straight line that shows a law's slope next to a curve that has points: offset + factor * number, in logarithms. */
interface Guide {
  /** Name of a read-out or control. */
  number: string;
  /** Name of a curve. */
  curve: string;
  label: string;
  factor: number;
  offset: number;
  when: When;
}

/** What is dragged on the picture: a line, or the two ends of a window. */
interface Handle {
  controls: string[];
  label: string;
  axis: "x" | "y";
  /** Name of a read-out or control by which a control's value is multiplied; "" for none. */
  unit: string;
  /** Name of the read-out that is the place itself, which goes like a power of the value; "" for none. */
  place: string;
  power: number;
  when: When;
}

/** Two controls that push each other: high is at least ratio * low + gap. */
interface Ordered {
  low: string;
  high: string;
  ratio: number;
  gap: number;
}

/** Something in a plane: a line through values of its two controls, or where words stand. */
interface Mark {
  label: string;
  points: [number, number][];
  kind: "area" | "border" | "region" | "point";
}

/** A small picture of all values of two controls. */
interface Plane {
  /** Names of the controls. */
  x: string;
  y: string;
  label: string;
  marks: Mark[];
}

/** A state worth seeing, and what to see in it. */
interface Preset {
  name: string;
  title: string;
  /** {name} is a control's value or a read-out. */
  text: string;
  /** Of all controls. */
  values: Values;
}

/** An experiment without its kernels (lib/widgets/experiment.py). */
interface Spec {
  name: string;
  title: string;
  x: Axis;
  y: Axis;
  /** What the colours of a map mean, if there is one. */
  z: Axis | null;
  controls: Control[];
  curves: Curve[];
  readouts: Readout[];
  panels: Panel[];
  /** Templates of what a run may say: notices by powers of two, the sum of which is its status; errors by -1, -2, ... */
  messages: Record<number, string>;
  /** Template of the program that gives the same numbers. */
  python: string;
  /** Largest number of features that a reader's table may have; 0 if no table is taken. */
  table: number;
  /** Python expression for the data. */
  source: string;
  /** Doubles of the output. */
  output_size: number;
  guides: Guide[];
  handles: Handle[];
  ordered: Ordered[];
  presets: Preset[];
  plane: Plane | null;
}

/** Numbers by the names of controls. */
type Values = Record<string, number>;

// --- Messages -----------------------------------------------------------------------------------------------

/** From the user interface to its host; `open` comes with the file as a buffer, or without one for the first data. */
type Ask = { do: "start"; values: number[] } | { do: "resume" } | { do: "pause" } | { do: "open"; name: string };

/** From the host: a run's state, with the output as a buffer of doubles. */
type RunAnswer = { values: number[]; status: number; fraction: number; error?: undefined }
  | { values: number[]; error: string; status?: undefined; fraction?: undefined };

/** From the host: how far the reader's file is read, and at the end what it holds. */
type FileAnswer = { file: string; fraction: number; words?: string; python?: string; error?: undefined }
  | { file: string; error: string; fraction?: undefined; words?: undefined; python?: undefined };

/** What the user interface needs of anywidget's model. */
interface Host {
  get(name: "_spec"): Spec;
  /** The pinned states. */
  get(name: "_pins"): Values[] | undefined;
  /** Names of the curves that are not drawn. */
  get(name: "_hidden"): string[] | undefined;
  /** Whether the folded controls are in sight. */
  get(name: "_more"): boolean | undefined;
  get(name: string): number;
  set(name: string, value: any): void;
  save_changes(): void;
  on(event: string, listener: (...details: any[]) => void): void;
  off(event: string, listener: (...details: any[]) => void): void;
  send(message: Ask, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  /** Only a page has an address for a state. */
  link?(): string;
}

// --- The user interface (lib/widgets/view/explorer.mjs) ----------------------------------------------------------------

/** A point: [x, y], [x, y, lower, upper] or, on a map, [x, y, value]. */
type Row = number[];

/** A curve: its stretches without a gap. */
type Segments = Row[][];

/** An output whose parts are known: numbers and curves in the order of the specification. */
interface Decoded {
  readouts: number[];
  curves: Segments[];
  panels: PanelState[];
}

/** A panel's numbers: for each time all rows, columns fastest. */
interface PanelState {
  times: number[];
  values: Float64Array;
}

/** What is shown: a decoded output with what it belongs to. */
interface Picture extends Decoded {
  values: Values;
  status: number;
  notice: string;
  detail: { fraction: number; since: number };
}

/** Where an axis begins and ends. */
type Ends = [low: number, high: number];

/** An axis that is laid out. */
interface Scale {
  /** A value's place, 0 to 1 from the lower end to the upper one. */
  map(value: number): number;
  /** Labels are "" for the small ticks. */
  ticks: [value: number, label: string][];
}

interface Look {
  map: boolean;
  ink: string;
  /** SVG path around a point; "" for lines. */
  marker: string;
  /** As SVG writes dashes. */
  dash: string;
}

/** A curve that is drawn. */
type Shown = Curve & { segments: Segments; look: Look };

/** A curve that is drawn, with its place among all and its elements: lines, its band, the cells of a map by shade. */
type Layer = Shown & { index: number; lines: Element[]; limits: Element | undefined; cells: Element[] };

/** What is dragged for a control. */
interface Grip {
  name: string;
  control: Control;
  /** Which of its positions its value is. */
  here(): number;
  node: HTMLElement;
}

interface ControlView {
  node: HTMLElement;
  show(value: number): void;
  refuse(value: number): void;
}

// --- The page's script (lib/widgets/page.js) ------------------------------------------------------------------

/** The kernels, deflated and in base64, and texts of the page's parts. */
declare var EXPLORER_WASM: string;
declare var EXPLORER_MODULE: string;
declare var EXPLORER_TABLE: string;
declare var EXPLORER_STYLE: string;

/** What the worker is told first. */
interface Setup {
  name: string;
  data: number[];
  /** The spectrum of the reader's file, if one was read. */
  own?: Float64Array;
  outputSize: number;
  table: number;
  /** The kernels. */
  module: WebAssembly.Module;
}

/** To the worker. */
type Order = { do: "load" } & Setup | Ask & { bytes?: ArrayBuffer };

/** What the worker does with the global scope of a worker. */
interface WorkerScope {
  postMessage(message: [answer: RunAnswer | FileAnswer, buffers: ArrayBuffer[]], transfer?: ArrayBuffer[]): void;
  onmessage: ((event: { data: Order }) => void) | null;
}

/** Exports of the kernels' WebAssembly module; the others are NAME_size, NAME_start and NAME_advance. */
type Kernels = { memory: WebAssembly.Memory; __heap_base: WebAssembly.Global<"i32"> } & Record<string, any>;

/** Kernels that were started. */
interface Job {
  values: number[];
  status: number;
  fraction: number;
  advance(): number;
  /** A copy of the first doubles of `work`. */
  output(size: number): Float64Array<ArrayBuffer>;
}

/** The reader's file while it is read. */
interface Opening {
  name: string;
  words: string;
  hint?: string;
  /** Computes the eigenvalues of a table; a list of them needs no job. */
  job?: Job;
  spectrum?: Float64Array;
}

/** A reader's file as numbers, row by row. */
interface Table {
  rows: number;
  columns: number;
  values: Float64Array;
  /** Relative spacing of the numbers as stored. */
  spacing: number;
  /** What the reader should know of how the file was read. */
  hint?: string;
}

// --- Questions (lib/book/course.py) ---------------------------------------------------------------------------

interface Question {
  ask: string;
  answer: number | string;
  /** Largest allowed distance of a number; 0 for words. */
  tolerance: number;
  /** What can be chosen; empty where the reader types. */
  choices: string[];
  /** Tried in order when the answer is wrong. */
  hints: { equals: number | string; say: string }[];
}

// --- The converter of exponents (letters.py) --------------------------------------------------------------------

interface Paper {
  name: string;
  title: string;
  letters: { symbol: string; meaning: string; example: number }[];
  /** Coefficients of x, y, x y and 1. */
  beta: number[];
  tau: number[];
}

interface LetterTable {
  papers: Paper[];
  /** The page that has the explorers. */
  chapter: string;
  /** Explorers that show a point, with the ranges of its coordinates there. */
  explorers: { name: string; title: string; beta: number[]; tau: number[] }[];
}
