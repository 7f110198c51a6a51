// The colours of how attempts end.
const COLOURS: Record<string, string> = { done: 'green', failed: 'red', silent: 'red', blocked: 'orange', expired: 'orange' }

/** Return the colour of an attempt's outcome; of none, that it is under way. */
export const outcomeColour = (outcome: string | null | undefined) => (outcome ? COLOURS[outcome] ?? 'gray' : 'blue')
