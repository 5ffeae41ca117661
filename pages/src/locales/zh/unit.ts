export default { title: '{unit} 承办', mine: '本单位工单', all: '显示全部在办工单' }
