import{c as o}from"./chunk-LVBFF522.js";var s=o((c,e)=>{e.exports=process.getBuiltinModule("node:child_process")});export{s as a};
