import { ElMessage } from 'element-plus'
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

import { onSignedOut } from '@/api/client'
import { Problem } from '@/api/problem'
import { i18n } from '@/locales'
import { phone } from '@/phone/softphone'
import { renewed } from '@/shared/renewed'
import { complain } from '@/shared/trouble'

import { type Permission, useSession } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Any of these opens the page. Every request is checked by the API as well. */
    needs?: Permission[]
    /** Where it stands in the menu, and its word in `common.menu`. */
    menu?: string
    /** What its tab says, if not the menu's word; may name the `{number}` of its ticket or call. */
    title?: string
    /** Opens without anybody being signed in. */
    open?: boolean
    /** Without the frame: print, wallboard on a screen of its own. */
    bare?: boolean
  }
}

/** The pages in the order of the menu; each is loaded when it is first opened. */
const pages: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('./views/SignIn.vue'), meta: { open: true, title: 'common.signIn.title' } },
  { path: '/password', name: 'password', component: () => import('./views/ChangePassword.vue'), meta: { title: 'common.password.title' } },
  { path: '/agent', name: 'agent', component: () => import('./views/Agent.vue'), meta: { needs: ['agent.state'], menu: 'agent' } },
  { path: '/missed', name: 'missed', component: () => import('./views/Missed.vue'), meta: { needs: ['ticket.answer'], menu: 'missed' } },
  { path: '/dispatch', name: 'dispatch', component: () => import('./views/Dispatch.vue'), meta: { needs: ['ticket.accept'], menu: 'dispatch' } },
  { path: '/unit', name: 'unit', component: () => import('./views/Unit.vue'), meta: { needs: ['ticket.handle'], menu: 'unit' } },
  { path: '/tickets', name: 'tickets', component: () => import('./views/Tickets.vue'), meta: { needs: ['ticket.read_all', 'ticket.read_unit'], menu: 'tickets' } },
  { path: '/tickets/:number', name: 'ticket', component: () => import('./views/Ticket.vue'), meta: { needs: ['ticket.read_all', 'ticket.read_unit'], title: 'common.title.ticket' } },
  { path: '/tickets/:number/print', name: 'ticket-print', component: () => import('./views/TicketPrint.vue'), meta: { needs: ['ticket.read_all', 'ticket.read_unit'], bare: true, title: 'common.title.print' } },
  { path: '/wall', name: 'wall', component: () => import('./views/Wall.vue'), meta: { needs: ['call.watch'], menu: 'wall' } },
  { path: '/board', name: 'board', component: () => import('./views/Board.vue'), meta: { needs: ['ticket.supervise'], menu: 'board' } },
  { path: '/calls', name: 'calls', component: () => import('./views/Calls.vue'), meta: { needs: ['call.read'], menu: 'calls' } },
  { path: '/calls/:id', name: 'call', component: () => import('./views/Call.vue'), meta: { needs: ['call.read'], title: 'common.title.call' } },
  { path: '/line', name: 'line', component: () => import('./views/Line.vue'), meta: { needs: ['line.read'], menu: 'line' } },
  { path: '/users', name: 'users', component: () => import('./views/Users.vue'), meta: { needs: ['user.manage'], menu: 'users' } },
  { path: '/units', name: 'units', component: () => import('./views/Units.vue'), meta: { needs: ['user.manage'], menu: 'units' } },
  { path: '/extensions', name: 'extensions', component: () => import('./views/Extensions.vue'), meta: { needs: ['user.manage'], menu: 'extensions' } },
  { path: '/demo', name: 'demo', component: () => import('./views/Demo.vue'), meta: { needs: ['user.manage'], menu: 'demo' } },
  { path: '/account', name: 'account', component: () => import('./views/Account.vue'), meta: { title: 'common.menu.account' } },
  { path: '/setup', name: 'setup', component: () => import('./views/Setup.vue'), meta: { open: true, title: 'admin.setup' } },
]

export const router = createRouter({
  history: createWebHistory('/desk/'),
  routes: [
    ...pages,
    { path: '/', name: 'home', component: () => import('./views/Home.vue') },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('./views/Lost.vue'), meta: { open: true, title: 'common.title.lost' } },
  ],
})

export const menuPages = pages.filter((page) => page.meta?.menu !== undefined)

router.beforeEach(async (to) => {
  const { known, me, can } = useSession()
  await known()
  if (to.meta.open) return true
  if (me.value === null) return { name: 'sign-in', query: { next: to.fullPath } }
  if (me.value.must_change && to.name !== 'password') return { name: 'password' }
  if (to.meta.needs && !can(...to.meta.needs)) return { name: 'lost', params: { rest: ['lost'] } }
  return true
})

// A page that could not be loaded: after an upgrade it has another name, and everything is loaded anew, but not in a call.
router.onError(async (_, to) => {
  if (!(await renewed(import.meta.url))) return complain(Problem.offline())
  if (phone.call !== null) return void ElMessage.warning({ message: i18n.global.t('common.renewed'), duration: 8000, grouping: true })
  location.assign(router.resolve(to).href)
})

onSignedOut(() => {
  const at = router.currentRoute.value
  // Before the first page is reached nobody was signed in, and beforeEach says where to go.
  if (at.matched.length > 0 && !at.meta.open) void router.push({ name: 'sign-in', query: { next: at.fullPath } })
})
