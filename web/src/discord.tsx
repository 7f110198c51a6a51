// Logging in with Discord: the button, and what to do when Discord sends the browser back.
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { client, keepLogIn, resultOf } from './api'
import { t } from './language'

const BACK = '/page/discord' // where Discord sends the browser

const ways = async () => (await resultOf(client.GET('/log-in/ways'))) as { discord: boolean }

async function go(): Promise<void> {
  const { address } = (await resultOf(client.POST('/log-in/discord'))) as { address: string }
  location.assign(address)
}

/** Finish the log-in whose code is in the address; return whether this browser is logged in now. */
async function comeBack(): Promise<boolean> {
  const came = new URLSearchParams(location.search)
  const [code, state] = [came.get('code'), came.get('state')]
  if (location.pathname !== BACK) return false
  history.replaceState(null, '', '/page')
  if (!code || !state) return false // the user pressed Cancel there
  keepLogIn((await resultOf(client.POST('/log-in/discord/confirm', { body: { code, state } }))) as { id: string; secret: string })
  return true
}

/** The button, where Octet logs users in with Discord at this address. */
export function WithDiscord({ entered, failed }: { entered: () => void; failed: (why: string) => void }) {
  const offered = useQuery({ queryKey: ['ways'], queryFn: ways, retry: false })
  useEffect(() => {
    void comeBack().then((isIn) => isIn && entered(), (error: Error) => failed(error.message))
  }, [])
  if (!offered.data?.discord) return null
  return <Button onClick={() => void go().catch((error: Error) => failed(error.message))}>{t('Log in with Discord')}</Button>
}
