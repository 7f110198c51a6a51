// The list of screens: each is a folder here and a line below. One with a name is in the menu; a value in its path is
// a property of its component; a bare one has the whole window.
import { lazy, type ComponentType } from 'react'
import Home from './home'

// Each screen has the properties that its own path names.
export type Screen = { path: string; name?: string; needs?: string; isBare?: boolean; screen: ComponentType<never> }

export const SCREENS: Screen[] = [
  { path: '/', name: 'Home', screen: Home },
  { path: '/agents', name: 'Agents', screen: lazy(() => import('./agents')) },
  { path: '/agents/:name', screen: lazy(() => import('./agent')) },
  { path: '/chat/:about/:id', screen: lazy(() => import('./chat')) },
  { path: '/tasks', name: 'Tasks', screen: lazy(() => import('./tasks')) },
  { path: '/tasks/:id', screen: lazy(() => import('./task')) },
  { path: '/timeline', name: 'Timeline', screen: lazy(() => import('./timeline')) },
  { path: '/messages', name: 'Messages', screen: lazy(() => import('./messages')) },
  { path: '/messages/:id', screen: lazy(() => import('./message')) },
  { path: '/journal', name: 'Journal', screen: lazy(() => import('./journal')), needs: 'audit.read' },
  { path: '/people', name: 'People and keys', screen: lazy(() => import('./people')) },
  { path: '/settings', name: 'Settings', screen: lazy(() => import('./settings')), needs: 'config.reload' },
  { path: '/setup', name: 'Setup', screen: lazy(() => import('./setup')) },
  { path: '/setup/agent', screen: lazy(() => import('./setup/agent')) },
  { path: '/setup/windows', screen: lazy(() => import('./setup/windows')) },
  { path: '/setup/person', screen: lazy(() => import('./setup/person')) },
  { path: '/wall', name: 'Wall', screen: lazy(() => import('./wall')), isBare: true },
  { path: '/playground', name: 'API', screen: lazy(() => import('./playground')) },
]

/** The screens of the menu, for a user with these permissions. */
export const menuFor = (may: (permission: string) => boolean) => SCREENS.filter(({ name, needs }) => name && (!needs || may(needs)))
