export{c10_a as a}from"../verify.js";
