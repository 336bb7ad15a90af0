export{c9_a as a,c9_b as b,c9_c as c}from"../sign.js";
