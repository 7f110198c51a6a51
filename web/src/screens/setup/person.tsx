// Inviting a person: a role, and the address that logs their browser in.
import '@mantine/core/styles/Code.css'
import '@mantine/core/styles/Fieldset.css'
import { Alert, Button, Code, CopyButton, Group, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { client, resultOf } from '../../api'
import { t } from '../../language'
import { Act, To } from '../../parts'
import { GiveRole } from '../people'

export default function SetupPerson() {
  const [who, setWho] = useState('')
  const [address, setAddress] = useState('')
  const link = async () => setAddress((await resultOf(client.POST('/api/v2/page-links', { body: { who } }))).address)
  return (
    <Stack>
      <Title order={1} size="h2">{t('Invite a person')}</Title>
      <Text size="sm">{t('In Discord: right-click the person, then Copy User ID (with Settings, Advanced, Developer Mode on).')}</Text>
      <GiveRole again={setWho} />
      {who && (
        <Stack gap="xs" align="flex-start">
          <Text role="status">{t('{who} has the role now, in Discord and on this page.', { who })} <To href="/people">{t('All roles')}</To></Text>
          <Act needs="person.log_in" call={link}>{t('Make an address that logs their browser in')}</Act>
          {address && (
            <Alert title={t('It works once, within ten minutes, in a browser that reaches this machine')}>
              <Group>
                <Code>{address}</Code>
                <CopyButton value={address}>{({ copied, copy }) => <Button size="xs" variant="default" onClick={copy}>{copied ? t('Copied') : t('Copy')}</Button>}</CopyButton>
              </Group>
            </Alert>
          )}
        </Stack>
      )}
    </Stack>
  )
}
