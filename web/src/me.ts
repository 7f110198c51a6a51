// Who is logged in, what they may do now, and the names of others. Octet checks each request all the same.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { client, resultOf, type Schemas } from './api'
import { t } from './language'

export const useMe = () => useQuery({ queryKey: ['me'], queryFn: () => resultOf(client.GET('/api/v2/me')) })

/** Return a function that tells whether the user may do what needs this permission. */
export function useMay(): (permission: string) => boolean {
  const { data } = useMe()
  return (permission) => data?.permissions.includes(permission) ?? false
}

/** Return a function that saves an address of the page under a name for this user; an empty address removes it. */
export function useSaveView(): (name: string, address: string) => Promise<void> {
  const queries = useQueryClient()
  return async (name, address) => {
    await resultOf(client.POST('/api/v2/me/views', { body: { name, address } }))
    await queries.invalidateQueries({ queryKey: ['me'] })
  }
}

/** The users with a role, for those who may see them. */
export function usePeople(): Schemas['Binding'][] {
  const enabled = useMay()('role.manage')
  const roles = useQuery({ queryKey: ['roles'], enabled, queryFn: () => resultOf(client.GET('/api/v2/admin/roles')) })
  return roles.data?.filter((one) => one.holder.startsWith('discord:')) ?? []
}

/** Return a function that names an actor, or the address of a message. */
export function useNameOf(): (id: string) => string {
  const me = useMe().data?.id
  const people = usePeople()
  return (address) => {
    const id = address.replace(/^person:/, '')
    if (id === me) return t('you')
    if (id === 'hub') return 'Octet'
    if (id === 'operator') return t('the operator')
    if (id.startsWith('key:')) return t('API key {name}', { name: id.slice(4) })
    return people.find((one) => one.holder === id && one.name)?.name ?? id.replace(/^agent:/, '')
  }
}
