export{c8_a as a,c8_b as b,c8_c as c,c8_d as d,c8_e as e}from"../sign.js";
