/** What is wrong with the settings, as one sentence for whoever wrote them. Its text goes to stderr, and weftd exits with 2. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

const LONGEST_QUOTE = 80;

/** In quotes, on one line, not too long. */
export function quote(text: string): string {
  return JSON.stringify(
    text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text,
  ).replace(/[\u007f-\u009f\u2028\u2029]/g, '?');
}
