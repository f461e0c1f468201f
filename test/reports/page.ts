import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { drawn } from '../../reports/drawn.js';
import type { Chart } from '../../reports/section.js';

/** The text of the script element with this id. */
export function embedded(page: string, id: string): string {
  const start = `<script type="application/json" id="${id}">`;
  const from = page.indexOf(start) + start.length;
  return page.slice(from, page.indexOf('</script>', from));
}

/** The page without the inlined programs and data: what a reader's browser shows. */
export const visible = (page: string): string =>
  page.replace(/<script\b[^>]*>[\s\S]*?<\/script>/g, '').replace(/<style>[\s\S]*?<\/style>/g, '');

export interface Log {
  readonly messages: string[];
  readonly logger: {
    level(): number;
    level(level: number): Log['logger'];
    error(...message: readonly unknown[]): Log['logger'];
    warn(...message: readonly unknown[]): Log['logger'];
    info(): Log['logger'];
    debug(): Log['logger'];
  };
}

/** Collects what a library would print. */
export function listen(): Log {
  const messages: string[] = [];
  const keep = (...message: readonly unknown[]) => {
    messages.push(message.join(' '));
    return logger;
  };
  const quiet = () => logger;
  const logger = {
    level: quiet,
    error: keep,
    warn: keep,
    info: quiet,
    debug: quiet,
  } as unknown as Log['logger'];
  return { messages, logger };
}

/** The chart as Vega, at a fixed width because there is no page around it, and without a pointer to zoom by. */
export function compiled(chart: Chart, config: Config, logger: Log['logger']) {
  const spec = { ...drawn(chart, false).spec, width: 480 } as unknown as TopLevelSpec;
  return compile(spec, { config, logger }).spec;
}
