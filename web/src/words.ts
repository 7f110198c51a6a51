// Words and colours of states, acts, decisions and events. words.json is made from Octet's own tables (`make docs`).
import { t } from './language'
import words from './words.json'

type Kind = keyof typeof words
const found = (kind: Kind, state: string) => (words[kind] as Record<string, string[]>)[state]

export const wordOf = (kind: Kind, state: string) => t(found(kind, state)?.[0] ?? state.replaceAll('_', ' '))
export const colourOf = (kind: Kind, state: string) => found(kind, state)?.[1] ?? 'gray'
export const statesOf = (kind: Kind) => Object.keys(words[kind])
