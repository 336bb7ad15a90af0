export{c0_a as a,c0_b as b,c0_c as c}from"../sign.js";
