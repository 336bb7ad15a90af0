import{c as o}from"./chunk-D5OPF6SU.js";var s=o((c,e)=>{e.exports=process.getBuiltinModule("node:child_process")});export{s as a};
