import{b as o}from"./chunk-Z2KY255D.js";var s=o((c,e)=>{e.exports=process.getBuiltinModule("node:child_process")});export{s as a};
