import{c as s}from"./chunk-LVBFF522.js";var o=s((t,e)=>{e.exports=process.getBuiltinModule("node:assert")});export{o as a};
