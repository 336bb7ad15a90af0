import{c as o}from"./chunk-LVBFF522.js";var t=o((p,e)=>{e.exports=process.getBuiltinModule("node:crypto")});export{t as a};
