import type { TopLevelSpec } from 'vega-lite';

/** What a table cell or a chart's field may hold. */
export type Datum = string | number | boolean | null;
export type Row = Readonly<Record<string, Datum>>;

/** What a chart means, and what a reader might do about it. */
export interface Note {
  readonly means: string;
  readonly todo: string;
}

/** Two fields of a dataset that make a small plot of text. */
export interface Sketch {
  readonly dataset: string;
  readonly x: string;
  readonly y: string;
  readonly kind: 'line' | 'points' | 'plane';
  /** y on a logarithmic scale. */
  readonly log?: boolean;
  /** Rows are drawn where this field has this value. */
  readonly only?: readonly [field: string, value: Datum];
}

/** A drawing: the specification names its datasets, which travel beside it, and says no colour: themes do. */
export interface Chart {
  readonly title: string;
  /** What a reader who cannot see the chart is told. */
  readonly description: string;
  readonly spec: TopLevelSpec;
  readonly datasets: Readonly<Record<string, readonly Row[]>>;
  readonly note: Note;
  /** Datasets that are drawn but measured nothing, such as the unit circle: not part of the CSV. */
  readonly decoration?: readonly string[];
  /** Both axes can be moved and zoomed. */
  readonly zoom?: boolean;
  /** Points with the same value of this field light up together in all charts of the section that name it. */
  readonly link?: string;
  /** How a terminal draws it; without, it does not. */
  readonly sketch?: Sketch;
  /** Takes the whole width of the page rather than half of it. */
  readonly wide?: boolean;
}

/** Cells are text already formatted for people. */
export interface Table {
  readonly title: string;
  /** Columns whose name is in `text` hold words and are aligned left; the rest hold numbers. */
  readonly columns: readonly string[];
  readonly text?: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A named number with the words that go with it. */
export interface Fact {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

export type Level = 'good' | 'warn' | 'bad' | 'unknown';

/** One answer of a diagnosis. */
export interface Card {
  readonly question: string;
  readonly answer: string;
  readonly level: Level;
  readonly evidence: string;
}

/** One analysis result as people read it. */
export interface Section {
  readonly title: string;
  /** One to three sentences in plain words that say how sure we are. */
  readonly reading: string;
  /** What keeps the reading from being the whole truth. */
  readonly caveats: readonly string[];
  readonly cards?: readonly Card[];
  readonly facts: readonly Fact[];
  readonly charts: readonly Chart[];
  readonly tables: readonly Table[];
  /** Formulas or file contents, line by line. */
  readonly listings?: readonly { readonly title: string; readonly lines: readonly string[] }[];
}
