// Where a user writes to an agent or about a task: Enter sends, Shift+Enter begins a line; one file may come with it.
import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { client, resultOf, type Schemas } from './api'
import { t } from './language'

const MOST_BYTES = 8_000_000

export type Sent = { key: string; text: string }

/** `sending` hears of each text when Octet is asked, and again (null) when Octet has answered. */
export function Composer({ label, to, sending }: { label: string; to: { agent?: string; task?: string }; sending?: (sent: Sent | null) => void }) {
  const [text, setText] = useState('')
  const [file, setFile] = useState<File | null>(null)
  const [key, setKey] = useState(() => crypto.randomUUID())
  const picker = useRef<HTMLInputElement>(null)
  const send = useMutation({
    mutationFn: async (said: string) => {
      const attach = file ? await given(file) : null
      return resultOf(client.POST('/api/v2/messages', { params: { header: { 'Idempotency-Key': key } }, body: { ...to, text: said, attach } }))
    },
    onMutate: (said) => {
      sending?.({ key, text: said })
      setText('')
    },
    onSuccess: () => {
      setKey(crypto.randomUUID())
      setFile(null)
    },
    onError: (_, said) => setText((now) => now || said),
    onSettled: () => sending?.(null),
  })
  const submit = () => text.trim() && !send.isPending && send.mutate(text)
  return (
    <Stack gap="xs" className="octet-composer">
      <Textarea
        label={label}
        description={t('Enter sends, Shift+Enter begins a new line.')}
        autosize
        minRows={1}
        maxRows={12}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          submit()
        }}
      />
      <Group gap="xs">
        <Button size="xs" disabled={!text.trim()} loading={send.isPending} onClick={submit}>{t('Send')}</Button>
        <input ref={picker} type="file" hidden aria-label={t('File')} onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
        <Button size="xs" variant="default" onClick={() => picker.current?.click()}>{file ? file.name : t('Add a file')}</Button>
        {file && <Button size="xs" variant="subtle" onClick={() => setFile(null)}>{t('Remove')}</Button>}
      </Group>
      {send.error && <Text size="sm" c="var(--octet-bad)" role="alert">{send.error.message}</Text>}
    </Stack>
  )
}

async function given(file: File): Promise<Schemas['FileGiven']> {
  if (file.size > MOST_BYTES) throw new Error(t('{name} is too large: a file may have 8 MB.', { name: file.name }))
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return { name: file.name, content: btoa(text) }
}
