// Who is logged in, and what they may do now. Octet checks each request all the same.
import { useQuery } from '@tanstack/react-query'
import { client, resultOf } from './api'

export const useMe = () => useQuery({ queryKey: ['me'], queryFn: () => resultOf(client.GET('/api/v2/me')) })

/** Return a function that tells whether the user may do what needs this permission. */
export function useMay(): (permission: string) => boolean {
  const { data } = useMe()
  return (permission) => data?.permissions.includes(permission) ?? false
}
