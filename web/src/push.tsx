// Notifications of what needs the user when no page is open, by the browser maker's push service.
import { Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { client, logInId, resultOf } from './api'
import { t } from './language'
import { Act } from './parts'

const ASKED = ['push']
const isPossible = 'PushManager' in window && 'serviceWorker' in navigator

/** The key by which push services know Octet, and whether this browser gets notifications. */
async function ask(): Promise<{ key: string; isOn: boolean }> {
  const { key } = (await resultOf(client.GET('/api/v2/push'))) as { key: string }
  const worker = key && (await navigator.serviceWorker.getRegistration('/page'))
  return { key, isOn: Boolean(worker && (await worker.pushManager.getSubscription())) }
}

async function store(subscription?: PushSubscriptionJSON): Promise<void> {
  const body = { endpoint: subscription?.endpoint ?? '', p256dh: subscription?.keys?.p256dh ?? '', auth: subscription?.keys?.auth ?? '' }
  await resultOf(client.POST('/api/v2/push/{log_in}', { params: { path: { log_in: logInId() } }, body }))
}

async function begin(key: string): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') throw new Error(t('This browser does not allow notifications of this page. Change that in its settings.'))
  const worker = await navigator.serviceWorker.ready
  const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  await store(made.toJSON())
}

async function end(): Promise<void> {
  const worker = await navigator.serviceWorker.getRegistration('/page')
  await (await worker?.pushManager.getSubscription())?.unsubscribe()
  await store()
}

/** Switches notifications of this browser on and off; it says why it cannot. */
export default function PushSwitch() {
  const queries = useQueryClient()
  const found = useQuery({ queryKey: ASKED, queryFn: ask, enabled: isPossible })
  if (!isPossible) return <Text size="sm">{t('This browser shows no notifications for pages.')}</Text>
  if (!found.data) return null
  const { key, isOn } = found.data
  if (!key) return <Text size="sm">{t('Octet sends no notifications to browsers here: its part for them is not installed.')}</Text>
  const change = async () => {
    await (isOn ? end() : begin(key))
    await queries.invalidateQueries({ queryKey: ASKED })
  }
  return <Act call={change}>{isOn ? t('Stop notifications') : t('Notify this browser')}</Act>
}
