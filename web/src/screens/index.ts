// The list of screens: each is a folder here and a line below. One with a name is in the menu; a value in its path is
// a property of its component.
import { lazy, type ComponentType } from 'react'
import Home from './home'

// Each screen has the properties that its own path names.
export type Screen = { path: string; name?: string; screen: ComponentType<never> }

export const SCREENS: Screen[] = [
  { path: '/', name: 'Home', screen: Home },
  { path: '/agents', name: 'Agents', screen: lazy(() => import('./agents')) },
  { path: '/agents/:name', screen: lazy(() => import('./agent')) },
  { path: '/tasks', name: 'Tasks', screen: lazy(() => import('./tasks')) },
  { path: '/tasks/:id', screen: lazy(() => import('./task')) },
]
