import type { Socket } from 'jssip/lib/Socket'
import type { UA } from 'jssip/lib/UA'

export interface Account {
  extension: string
  uri: string
  user: string
  password: string
  /** Path of the WebSocket on this server. */
  socket: string
}

const EXPIRES_SECONDS = 120

/** What registers and rings there, not started yet. JsSIP is loaded when it is first needed: nobody else has to. */
export async function userAgent(account: Account): Promise<{ agent: UA; socket: Socket }> {
  const { UA, WebSocketInterface } = (await import('jssip')).default
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const socket = new WebSocketInterface(`${scheme}://${location.host}${account.socket}`)
  const agent = new UA({
    sockets: [socket],
    uri: account.uri,
    authorization_user: account.user,
    password: account.password,
    register_expires: EXPIRES_SECONDS,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 5,
    session_timers: false,
    user_agent: 'hotline-desk',
  })
  return { agent, socket }
}
