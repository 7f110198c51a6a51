// The frame around all screens: log-in, the list of screens, and whether the page is up to date.
import { Alert, Button, Container, Group, Loader, Stack, Text, Title, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, Route, Router, Switch, useLocation } from 'wouter'
import { LOGGED_OUT, forget, invited, logIn, secret } from './api'
import { follow, useConnection } from './live'
import { Agent, Agents } from './screens/agents'
import { Home } from './screens/home'
import { Task, Tasks } from './screens/tasks'
import { Ago, Sign } from './parts'

const SCREENS = [
  { path: '/', name: 'Home', screen: Home },
  { path: '/agents', name: 'Agents', screen: Agents },
  { path: '/tasks', name: 'Tasks', screen: Tasks },
]

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
        {SCREENS.map(({ path, name }) => (
          <Link key={path} href={path} aria-current={(path === '/' ? where === '/' : where.startsWith(path)) ? 'page' : undefined}>
            {name}
          </Link>
        ))}
      </nav>
      <main>
        <Switch>
          {SCREENS.map(({ path, screen }) => (
            <Route key={path} path={path} component={screen} />
          ))}
          <Route path="/agents/:name">{({ name }) => <Agent name={decodeURIComponent(name)} />}</Route>
          <Route path="/tasks/:id">{({ id }) => <Task id={decodeURIComponent(id)} />}</Route>
          <Route>
            <Text>There is no such screen.</Text>
          </Route>
        </Switch>
      </main>
    </div>
  )
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
