export{c10_a as a,c10_b as b,c10_c as c}from"../sign.js";
