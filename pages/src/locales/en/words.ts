import type zh from '../zh/words'

export default {
  state: { received: 'received', accepted: 'accepted', declined: 'declined', at_county: 'at the county', dispatched: 'being handled', return_requested: 'return asked for', completed: 'completed', reviewed: 'reviewed', rework: 'rework', archived: 'archived' },
  category: { consultation: 'question', help: 'help', complaint: 'complaint', report: 'report of wrongdoing', suggestion: 'suggestion', other: 'other' },
  warning: { blue: 'blue', yellow: 'yellow', red: 'red', inspection: 'to the inspection office' },
  obligation: { manual_callback: 'call back by a person', rework: 'rework', notify_citizen: 'tell the citizen', joint_meeting: 'joint meeting', tell_right_office: 'name the right office', written_result: 'written result', report_upward: 'report upward', notify_emergency_service: 'tell the emergency service' },
  supervise: { overdue: 'overdue', leader: "a leader's word", upper_level: 'handed down from above', unclear_duty: 'duty unclear', poor_quality: 'poor quality', several_units: 'several units', repeat_person: 'same person again', repeat_people: 'several people', sudden: 'sudden event', media: 'in the media', unsolved: 'not solved', other: 'other' },
  role: { agent: 'agent', dispatcher: 'dispatcher', unit_officer: 'unit officer', unit_leader: 'unit leader', supervisor: 'supervisor', manager: 'manager', administrator: 'administrator' },
} satisfies typeof zh
