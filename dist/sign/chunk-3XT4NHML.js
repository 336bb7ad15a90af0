import{c as o}from"./chunk-D5OPF6SU.js";var r=o((s,e)=>{e.exports=process.getBuiltinModule("node:buffer")});export{r as a};
