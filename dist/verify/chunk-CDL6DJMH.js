import{c as o}from"./chunk-LVBFF522.js";var r=o((s,e)=>{e.exports=process.getBuiltinModule("node:buffer")});export{r as a};
