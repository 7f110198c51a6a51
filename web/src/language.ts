// The page's texts: English stands in the code; a file in languages/ translates it, by the English text.
const LANGUAGE = 'octet-language'
export const LANGUAGES = { en: 'English' } as const
export type Language = keyof typeof LANGUAGES

let texts: Record<string, string> = {}

export const language = () => (localStorage.getItem(LANGUAGE) ?? 'en') as Language

/** Return a text in the user's language, with the values of its {names}. */
export function t(english: string, values: Record<string, string | number> = {}): string {
  return (texts[english] ?? english).replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all))
}
