import type zh from '../zh/calls'

export default {
  number: 'Number', agent: 'Agent', queue: 'Queue', arrived: 'Arrived', ended: 'Ended', dialled: 'Dialled', toHuman: 'Wait', talk: 'Talk', what: 'Kind', kind: 'Kind of call', said: 'Said at the menu', keyed: 'Keyed', live: 'live',
  recording: 'Recording', course: 'What happened', listened: 'Who heard or saw it', jump: 'Listen from here', play: 'Play', pause: 'Pause', channels: 'above the caller, below the other side', noSound: 'The recording cannot be played now.', notRecorded: 'Not recorded', transcript: 'Transcript',
  via: { public: '', agent: '(agent)', test: '(test)', emergency: '(from 110 or the like)', web: '(web phone)', callback: '(callback)', outgoing: '(outgoing)', place: '(place in line)' },
  who: { caller: 'Caller', other: 'Other' },
  part: { call: 'Call', message: 'Message', comment: 'Comment' },
  state: { pending: 'Being recorded or converted', done: '', missing: 'Recording lost', failed: 'Recording failed', none: 'Not recorded', erased: 'Erased by the rules' },
  transcriptState: { pending: 'being written', done: '', failed: 'could not be written', none: 'no words' },
  heardHow: { listen: 'heard the recording', monitor: 'listened in', transcript: 'read the transcript', words: 'read along', export: 'exported the recording', reveal: 'saw the number' },
  filter: { all: 'All', live: 'Live', emergency: 'Emergency', message: 'Message', missed: 'Missed' },
} satisfies typeof zh
