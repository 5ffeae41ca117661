export default {
  what: '选一个样例城市：它的承办单位、用户、派单目录和工单会加载进来，供试用和培训；可随时一步移除，不影响真实数据。', has: '办法 {policy}，{units} 个单位，{users} 名用户，{tickets} 件工单', robots: '同时让机器人打来电话', noRobots: '这台机器上没有机器人用的电话', load: '加载', force: '已有真实数据，仍然加载', users: '演示用户', there: '{at} 加载：{units} 个单位、{users} 名用户、{tickets} 件工单、{calls} 次来电', calling: '机器人正在来电，至 {until}', notCalling: '机器人没有来电', start: '开始来电', stop: '停止来电', remove: '移除演示的全部数据', sure: '演示的单位、用户、工单和来电将全部删除，真实数据保留。确定？', gone: '已移除：{tickets} 件工单、{users} 名用户、{units} 个单位、{calls} 次来电',
}
