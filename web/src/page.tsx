// The frame around all screens: log-in, the list of screens, who is logged in, and whether the page is up to date.
import { Alert, Button, Container, Group, Loader, Stack, Text, TextInput, Title, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Component, Suspense, lazy, useCallback, useEffect, useRef, useState, type ComponentType, type ReactNode } from 'react'
import { Link, Route, Router, Switch, useLocation, useSearch } from 'wouter'
import { LOGGED_OUT, forget, invited, logIn, logOut, secret, type Schemas } from './api'
import { useKeys } from './keys'
import { LANGUAGES, chooseLanguage, language, t, type Language } from './language'
import { WithDiscord } from './discord'
import { follow, useConnection } from './live'
import { useMay, useMe, useSaveView } from './me'
import { Act, Ago, Said, Sign, To } from './parts'
import { SCREENS, menuFor } from './screens'

const loadBar = () => import('./bar')
const Bar = lazy(loadBar)
const PushSwitch = lazy(() => import('./push'))
const Keys = lazy(() => import('./bar/keys'))

export function Page() {
  const queries = useQueryClient()
  const [isIn, setIsIn] = useState(Boolean(secret()) && !location.hash)
  useEffect(() => {
    const out = () => {
      forget()
      queries.clear()
      setIsIn(false)
    }
    window.addEventListener(LOGGED_OUT, out)
    return () => window.removeEventListener(LOGGED_OUT, out)
  }, [queries])
  return isIn ? <Screens /> : <LogIn entered={() => setIsIn(true)} />
}

function LogIn({ entered }: { entered: () => void }) {
  const invitation = useQuery({ queryKey: ['invited'], queryFn: invited, retry: false, gcTime: 0 })
  const [problem, setProblem] = useState('')
  if (invitation.isPending) return <Loader m="xl" aria-label={t('Loading')} />
  const found = invitation.data
  const why = problem || invitation.error?.message
  return (
    <Container size="xs" py="xl" component="main">
      <Stack>
        <Title order={1}>Octet</Title>
        {found ? (
          <>
            <Text>{t('This link logs this browser in as {who}. It works once.', { who: found.who })}</Text>
            <Button onClick={() => logIn(found.code).then(entered, (error: Error) => setProblem(error.message))}>
              {t('Log in as {who}', { who: found.who })}
            </Button>
          </>
        ) : (
          <Text>
            <Said text={t('This browser is not logged in. Run `octet page` at the machine where Octet runs, and open the address that it prints. Beside `octet demo`, press Enter there.')} />
          </Text>
        )}
        <WithDiscord entered={entered} failed={setProblem} />
        {why && <Alert color="red" role="alert"><Said text={why} /></Alert>}
      </Stack>
    </Container>
  )
}

function Screens() {
  const queries = useQueryClient()
  useEffect(() => follow(queries), [queries])
  useEffect(() => void loadBar(), [])  // so that it opens at once
  return (
    <Router base="/page">
      <Frame />
    </Router>
  )
}

function Frame() {
  const [where, go] = useLocation()
  const isBare = SCREENS.some((one) => one.isBare && one.path === where)
  const [open, setOpen] = useState<'bar' | 'keys'>()
  const me = useMe().data
  const menu = menuFor(useMay())
  const close = useCallback(() => setOpen(undefined), [])
  useKeys({ bar: () => setOpen('bar'), keys: () => setOpen('keys'), screen: (number) => menu[number - 1] && go(menu[number - 1]!.path) })
  return (
    <div className="octet-frame" data-bare={isBare || undefined}>
      <header>
        <Text fw={700}>Octet</Text>
        <Group gap="xs" wrap="nowrap">
          <Live />
          <Button size="compact-sm" variant="default" onClick={() => setOpen('bar')} aria-keyshortcuts="Control+K">
            {t('Commands')} <kbd className="octet-wide-only">Ctrl K</kbd>
          </Button>
          <Own showKeys={() => setOpen('keys')} />
        </Group>
      </header>
      <nav aria-label={t('Screens')}>
        {menu.map(({ path, name = '' }) => {
          const isHere = path === '/' ? where === '/' : where === path || where.startsWith(`${path}/`)
          return <Link key={path} href={path} aria-current={isHere ? 'page' : undefined}>{t(name)}</Link>
        })}
        {me?.discord && <a href={me.discord}>Discord ↗</a>}
      </nav>
      <main>
        <Stale />
        <Boundary key={where}>
          <Suspense fallback={<Loader aria-label={t('Loading')} />}>
            <Switch>
              {SCREENS.map(({ path, screen }) => (
                <Route key={path} path={path}>{(values) => <Shows screen={screen} values={values} />}</Route>
              ))}
              <Route>
                <Title order={1} size="h2">{t('There is no such screen.')}</Title>
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <Suspense fallback={null}>
        {open === 'bar' && <Bar close={close} />}
        {open === 'keys' && <Keys close={close} />}
      </Suspense>
    </div>
  )
}

function Shows({ screen, values }: { screen: ComponentType<never>; values: Record<string, string | undefined> }) {
  const Shown = screen as ComponentType<Record<string, string>>
  return <Shown {...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decodeURIComponent(value ?? '')]))} />
}

/** Say that a screen failed, such as one whose file is not there: Octet is gone, or has a newer page. */
class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {}
  static getDerivedStateFromError = (error: Error) => ({ error })
  render() {
    if (!this.state.error) return this.props.children
    return (
      <Alert color="red" role="alert" title={t('This screen did not open')}>
        <Stack align="flex-start">
          {this.state.error.message}
          <Button size="xs" variant="default" onClick={() => location.reload()}>{t('Load the page again')}</Button>
        </Stack>
      </Alert>
    )
  }
}

function Live() {
  const { state } = useConnection()
  if (state === 'live') return <Sign colour="green">{t('live')}</Sign>
  return <Sign colour="orange">{state === 'offline' ? t('not up to date') : t('connecting')}</Sign>
}

/** Say since when the page gets no news. */
function Stale() {
  const { state, sinceMs } = useConnection()
  if (state !== 'offline') return null
  return (
    <Alert color="yellow" role="status" mb="md">
      {t('Octet does not answer. What the page shows is from {time}. It connects again automatically.', {
        time: new Date(sinceMs).toLocaleString(language()),
      })}{' '}
      <Ago ms={sinceMs} />
    </Alert>
  )
}

/** Who is logged in, and what they chose for this browser. */
function Own({ showKeys }: { showKeys: () => void }) {
  const me = useMe().data
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const menu = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const shut = (event: Event) => {
      const isOutside = event instanceof KeyboardEvent ? event.key === 'Escape' : !menu.current?.contains(event.target as Node)
      if (menu.current?.open && isOutside) {
        menu.current.open = false
        if (event instanceof KeyboardEvent) menu.current.querySelector('summary')?.focus()
      }
    }
    window.addEventListener('click', shut)
    window.addEventListener('keydown', shut)
    return () => {
      window.removeEventListener('click', shut)
      window.removeEventListener('keydown', shut)
    }
  }, [])
  return (
    <details ref={menu} className="octet-own">
      <summary>{me?.name ?? t('You')}</summary>
      <Stack gap="xs">
        <Views views={me?.views ?? []} />
        <Suspense fallback={null}><PushSwitch /></Suspense>
        <label>
          {t('Language')}{' '}
          <select value={language()} onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}>
            {Object.entries(LANGUAGES).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
          </select>
        </label>
        <label>
          {t('Colours')}{' '}
          <select value={colorScheme} onChange={(event) => setColorScheme(event.currentTarget.value as 'auto')}>
            <option value="auto">{t('as the system')}</option>
            <option value="light">{t('light')}</option>
            <option value="dark">{t('dark')}</option>
          </select>
        </label>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={showKeys}>{t('Keys')}</Button>
          <Act call={logOut}>{t('Log out')}</Act>
        </Group>
      </Stack>
    </details>
  )
}

/** The user's own names for addresses of the page: a screen with its filters. */
function Views({ views }: { views: Schemas['SavedView'][] }) {
  const [name, setName] = useState('')
  const [where] = useLocation()
  const search = useSearch()
  const save = useSaveView()
  return (
    <Stack gap="xs" component="section" aria-label={t('Saved views')}>
      {views.map((one) => (
        <Group key={one.name} justify="space-between" wrap="nowrap">
          <To href={one.address}>{one.name}</To>
          <Act call={() => save(one.name, '')} size="compact-xs" variant="subtle">{t('Remove')}</Act>
        </Group>
      ))}
      <TextInput size="xs" label={t('Save this view as')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <Act disabled={!name.trim()} call={() => save(name.trim(), where + (search && `?${search}`)).then(() => setName(''))}>{t('Save')}</Act>
    </Stack>
  )
}
