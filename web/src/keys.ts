// The page's keys. Ctrl+K always works; keys without Ctrl can be switched off, and never act while the user types.
import { useEffect, useRef } from 'react'

const SINGLE = 'octet-single-keys'

export const hasSingleKeys = () => localStorage.getItem(SINGLE) !== 'off'
export const setSingleKeys = (on: boolean) => localStorage.setItem(SINGLE, on ? 'on' : 'off')

type Acts = { bar: () => void; keys: () => void; screen: (number: number) => void }

export function useKeys(acts: Acts): void {
  const now = useRef(acts)
  now.current = acts
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const act = actOf(event, now.current)
      if (!act || document.querySelector('dialog[open]')) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
}

function actOf(event: KeyboardEvent, acts: Acts): (() => void) | undefined {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') return acts.bar
  const types = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]')
  if (types || event.ctrlKey || event.metaKey || event.altKey || !hasSingleKeys()) return undefined
  if (event.key === '/') return acts.bar
  if (event.key === '?') return acts.keys
  return /^[1-9]$/.test(event.key) ? () => acts.screen(Number(event.key)) : undefined
}
