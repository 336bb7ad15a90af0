import{c as o}from"./chunk-LVBFF522.js";var t=o((i,e)=>{e.exports=process.getBuiltinModule("node:util")});export{t as a};
