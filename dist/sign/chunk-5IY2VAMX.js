import{c as s}from"./chunk-D5OPF6SU.js";var o=s((t,e)=>{e.exports=process.getBuiltinModule("node:assert")});export{o as a};
