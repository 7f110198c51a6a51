// The page's texts: English stands in the code; a file in languages/ translates it, by the English text.
const LANGUAGE = 'octet-language'
export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof LANGUAGES
type Texts = Record<string, string>

const FILES: Record<Exclude<Language, 'en'>, () => Promise<{ default: Texts }>> = {
  de: () => import('./languages/de.json') as Promise<{ default: Texts }>,
}

let texts: Texts = {}

export function language(): Language {
  const chosen = localStorage.getItem(LANGUAGE) ?? ''
  return chosen in LANGUAGES ? (chosen as Language) : 'en'
}

/** Load the texts of the chosen language. No text may be asked for before. */
export async function loadLanguage(): Promise<void> {
  const chosen = language()
  document.documentElement.lang = chosen
  if (chosen !== 'en') texts = await FILES[chosen]().then((file) => file.default, () => ({}))
}

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(LANGUAGE, chosen)
  location.reload()
}

/** Return a text in the user's language, with the values of its {names}. */
export function t(english: string, values: Record<string, string | number> = {}): string {
  return (texts[english] ?? english).replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all))
}
