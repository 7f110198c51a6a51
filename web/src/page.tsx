// The frame around all screens: log-in, the list of screens, and whether the page is up to date.
import { Alert, Button, Container, Group, Loader, Stack, Text, Title, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Suspense, useEffect, useState, type ComponentType } from 'react'
import { Link, Route, Router, Switch, useLocation } from 'wouter'
import { LOGGED_OUT, forget, invited, logIn, secret } from './api'
import { follow, useConnection } from './live'
import { t } from './language'
import { Ago, Sign } from './parts'
import { SCREENS } from './screens'

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
  if (invitation.isPending) return <Loader m="xl" aria-label="Loading" />
  const found = invitation.data
  return (
    <Container size="xs" py="xl" component="main">
      <Stack>
        <Title order={1}>Octet</Title>
        {found ? (
          <>
            <Text>
              This link logs this browser in as <b>{found.who}</b>. It works once.
            </Text>
            <Button onClick={() => logIn(found.code).then(entered, (error: Error) => setProblem(error.message))}>
              Log in as {found.who}
            </Button>
          </>
        ) : (
          <Text>
            This browser is not logged in. Run <code>octet page</code> at the machine where Octet runs, and open the address that it prints.
          </Text>
        )}
        {(problem || invitation.error) && (
          <Alert color="red" role="alert">
            {problem || invitation.error?.message}
          </Alert>
        )}
      </Stack>
    </Container>
  )
}

function Screens() {
  const queries = useQueryClient()
  useEffect(() => follow(queries), [queries])
  return (
    <Router base="/page">
      <Frame />
    </Router>
  )
}

function Frame() {
  const [where] = useLocation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <div className="octet-frame">
      <header>
        <Text fw={700}>Octet</Text>
        <Group gap="xs" wrap="nowrap">
          <Live />
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => setColorScheme(colorScheme === 'dark' ? 'light' : 'dark')}
            aria-label="Switch between light and dark"
          >
            ◐
          </Button>
        </Group>
      </header>
      <nav aria-label="Screens">
        {SCREENS.map(({ path, name }) => {
          const isHere = path === '/' ? where === '/' : where.startsWith(path)
          return name && <Link key={path} href={path} aria-current={isHere ? 'page' : undefined}>{t(name)}</Link>
        })}
      </nav>
      <main>
        <Suspense fallback={<Loader aria-label={t('Loading')} />}>
          <Switch>
            {SCREENS.map(({ path, screen }) => (
              <Route key={path} path={path}>{(values) => <Shows screen={screen} values={values} />}</Route>
            ))}
            <Route>
              <Text>{t('There is no such screen.')}</Text>
            </Route>
          </Switch>
        </Suspense>
      </main>
    </div>
  )
}

function Shows({ screen, values }: { screen: ComponentType<never>; values: Record<string, string | undefined> }) {
  const Shown = screen as ComponentType<Record<string, string>>
  return <Shown {...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decodeURIComponent(value ?? '')]))} />
}

function Live() {
  const { state, sinceMs } = useConnection()
  if (state === 'live') return <Sign colour="green">live</Sign>
  return (
    <Group gap={4} wrap="nowrap" role="status">
      <Sign colour="orange">{state === 'offline' ? 'not up to date' : 'connecting'}</Sign>
      <Ago ms={sinceMs} />
    </Group>
  )
}
