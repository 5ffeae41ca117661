// The least that is a telephone in a browser: the same library as the pages', nothing of theirs.
import JsSIP from 'jssip'

type Call = ReturnType<InstanceType<typeof JsSIP.UA>['call']>
const said: string[] = []
let call: Call | undefined

function follow(session: Call): void {
  call = session
  for (const event of ['confirmed', 'ended', 'failed'] as const) session.on(event, () => said.push(event))
  const ear = new Audio()
  const listen = (connection: RTCPeerConnection): void =>
    connection.addEventListener('track', (event) => {
      ear.srcObject = event.streams[0] ?? null
      void ear.play()
    })
  if (session.connection) listen(session.connection)
  session.on('peerconnection', ({ peerconnection }) => listen(peerconnection))
}

const plain = {
  said,
  start(user: string, password: string): Promise<void> {
    const socket = new JsSIP.WebSocketInterface(`ws://${location.host}/ws`)
    const ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@${location.hostname}`, password })
    ua.on('newRTCSession', ({ session }: { session: Call }) => {
      follow(session)
      if (session.direction === 'incoming') session.answer({ mediaConstraints: { audio: true, video: false } })
    })
    return new Promise((done, failed) => {
      ua.on('registered', () => done())
      ua.on('registrationFailed', ({ cause }) => failed(new Error(cause)))
      ua.start()
    })
  },
  keys: (digits: string): void => call?.sendDTMF(digits, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833 }),
  end: (): void => call?.terminate(),
}
Object.assign(window, { plain })
