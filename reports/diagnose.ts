import type { DiagnoseValue, Finding } from '../analyses/diagnose.js';
import type { AnalysisResult } from '../src/result.js';
import { count, list } from './format.js';
import type { Section } from './section.js';

export function diagnose({ value }: AnalysisResult<DiagnoseValue>): Section {
  return {
    title: 'Verdicts',
    reading: reading(value.verdicts),
    caveats: [],
    cards: value.verdicts,
    facts: [],
    charts: [],
    tables: [],
  };
}

const words: Record<Finding['level'], (n: number) => string> = {
  bad: (n) => count(n, 'problem'),
  warn: (n) => `${count(n, 'point')} to watch`,
  unknown: (n) => `${count(n, 'question')} left open`,
  good: (n) => `${n} in order`,
};

function reading(verdicts: readonly Finding[]): string {
  if (verdicts.length === 0) return 'No question could be answered.';
  const tally = (['bad', 'warn', 'unknown', 'good'] as const)
    .map((level) => ({ level, n: verdicts.filter((v) => v.level === level).length }))
    .filter(({ n }) => n > 0)
    .map(({ level, n }) => words[level](n));
  return `Of ${count(verdicts.length, 'question')}: ${list(tally)}. Each verdict rests on the run below; estimates from finite runs are not proofs.`;
}
