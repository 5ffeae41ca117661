import type zh from '../zh/demo'

export default {
  what: 'Choose a sample city: its units, users, catalogue and tickets are loaded for trying and training. They can be removed in one step at any time; real data is not touched.', has: 'regulation {policy}, {units} units, {users} users, {tickets} tickets', robots: 'Let robots call, too', noRobots: 'This machine has no telephone for robots', load: 'Load', force: 'Load beside real data', users: 'Demonstration users', there: 'Loaded {at}: {units} units, {users} users, {tickets} tickets, {calls} calls', calling: 'Robots are calling until {until}', notCalling: 'Robots are not calling', start: 'Let them call', stop: 'Stop them', remove: 'Remove everything of the demonstration', sure: "The demonstration's units, users, tickets and calls will be deleted; real data stays. Go on?", gone: 'Removed: {tickets} tickets, {users} users, {units} units, {calls} calls',
} satisfies typeof zh
