export{c1_a as a,c1_b as b,c1_c as c}from"../sign.js";
