const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

const raised = (exponent: number): string =>
  (exponent < 0 ? '⁻' : '') +
  String(Math.abs(exponent))
    .split('')
    .map((d) => superscripts[Number(d)])
    .join('');

/** A number for people, to some significant digits: 0.531, −∞, 2·10⁻⁸. */
export function show(v: number, digits = 3): string {
  if (Number.isNaN(v)) return 'not a number';
  if (!Number.isFinite(v)) return v > 0 ? '∞' : '−∞';
  if (v === 0) return '0';
  const sign = v < 0 ? '−' : '';
  const size = Math.abs(v);
  const exponent = Number(size.toExponential(digits - 1).split('e')[1]);
  if (exponent >= -4 && exponent < Math.max(6, digits)) {
    const plain = Number(size.toPrecision(digits));
    return (
      sign +
      (exponent >= digits - 1
        ? String(Math.round(plain))
        : plain.toFixed(digits - 1 - exponent).replace(/\.?0+$/, ''))
    );
  }
  return showPower(sign, size / 10 ** exponent, exponent, digits);
}

/** 10^log10 for people, however small: 2·10⁻⁸, 4·10⁻⁹⁰⁰. */
export function showPowerOfTen(log10: number, digits = 1): string {
  if (!Number.isFinite(log10)) return log10 > 0 ? '∞' : log10 < 0 ? '0' : 'not a number';
  if (Math.abs(log10) < 3) return show(10 ** log10, Math.max(2, digits));
  const exponent = Math.floor(log10);
  return showPower('', 10 ** (log10 - exponent), exponent, digits);
}

function showPower(sign: string, mantissa: number, exponent: number, digits: number): string {
  const rounded = Number(mantissa.toPrecision(digits));
  return rounded >= 10 ? `${sign}1·10${raised(exponent + 1)}` : `${sign}${rounded}·10${raised(exponent)}`;
}

/** 1 fixed point, 2 fixed points. */
export const counted = (n: number, what: string, plural = `${what}s`): string =>
  `${n} ${n === 1 ? what : plural}`;

/** Text as a number, NaN where it is none; blank text is none, though `Number` takes it for 0. */
export const parseNumber = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));
