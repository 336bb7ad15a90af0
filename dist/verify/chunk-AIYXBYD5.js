import{c as o}from"./chunk-LVBFF522.js";var d=o((r,e)=>{e.exports=process.getBuiltinModule("node:string_decoder")});export{d as a};
