import{c as o}from"./chunk-D5OPF6SU.js";var d=o((r,e)=>{e.exports=process.getBuiltinModule("node:string_decoder")});export{d as a};
