import type zh from '../zh/dispatch'

export default {
  title: 'Dispatch',
  queue: 'Waiting tickets',
  keys: 'J/K up and down, A accept, D dispatch, R decide on a return, 1–4 dispatch to a suggestion',
  suggested: 'Suggested units',
  noSuggestion: 'Nothing to go by: dispatch by duty (D)',
  to: 'To {unit}',
  endedThere: '{n} similar tickets were handled there',
  similar: 'Similar tickets and how they ended',
  declinable: 'May have to be declined',
  sent: '{number} dispatched to {unit}',
  repeats: 'Likely repeats',
  merge: 'Merge into it',
  mergeSure: 'After merging, this ticket is handled in {into} only. Merge?',
  merged: 'Merged into {into}',
  split: 'Split',
  splitDone: 'Split into {n}',
  part: 'Matter {n}',
  returnTitle: 'What both sides say of the return',
  sentBecause: 'Why it was sent there',
  backBecause: 'Why {unit} returns it',
} satisfies typeof zh
