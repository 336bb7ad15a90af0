import{c as e}from"./chunk-D5OPF6SU.js";var t=e((l,o)=>{o.exports=process.getBuiltinModule("node:stream")});var r=e((u,s)=>{s.exports=process.getBuiltinModule("node:url")});export{t as a,r as b};
