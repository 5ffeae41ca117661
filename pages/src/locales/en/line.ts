import type zh from '../zh/line'

export default {
  announcements: 'Announcements', text: 'Text', textHint: 'What callers hear before the menu, spoken by a synthetic voice', topic: 'Topic (optional)', district: 'District (optional)', all: 'all calls', until: 'Until', heard: 'Heard / hung up informed', on: 'Switch on', off: 'Switch off', isOn: 'The announcement is on',
  maintenance: 'Maintenance', maintenanceHint: 'Only emergencies (110, 119, 120, 122) are connected then; everybody else may leave a message.', maintenanceNow: 'There is none now.', maintenanceOn: 'Begin maintenance', maintenanceOff: 'End maintenance',
  barred: 'Malicious callers', reason: 'Reason', by: 'By', why: 'Reason (written to the audit log)', bar: 'Bar', dontBar: 'Do not bar', lift: 'Lift',
} satisfies typeof zh
